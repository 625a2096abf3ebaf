//! The attribute `#[task]` of `stepwell_task`, which re-exports it: see there.

use proc_macro::{TokenStream, TokenTree};

/// Makes a function the handler of this component; once per component.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens = function.clone().into_iter().skip_while(|token| !is_fn(token)).skip(1);
    let made = match (tokens.next(), arguments.is_empty()) {
        (Some(TokenTree::Ident(name)), true) => format!("::stepwell_task::handler!({name});"),
        (Some(TokenTree::Ident(_)), false) => {
            "::core::compile_error!(\"`#[task]` takes no arguments\");".to_owned()
        }
        _ => "::core::compile_error!(\"`#[task]` stands before a function\");".to_owned(),
    };
    let made: TokenStream = made.parse().expect("it is Rust");
    function.into_iter().chain(made).collect()
}

fn is_fn(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if word.to_string() == "fn")
}
