//! The functions that an expression can call, for whoever looks for one.

use std::sync::LazyLock;

/// A function of JSONata as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonataFunction {
    /// The name, without `$`.
    pub name: &'static str,
    /// The signature in JSONata's notation, such as `<s-nn?:s>`.
    pub signature: String,
    /// The parameters' names, of those that have any.
    pub parameters: &'static [&'static str],
    /// What it does, in a line.
    pub summary: &'static str,
}

/// What AWS has beside the language's own, or instead (`facts/asl.md` 3): name, signature, parameters,
/// purpose.
const OF_AWS: [(&str, &str, &[&str], &str); 6] = [
    (
        "hash",
        "<xs:s>",
        &["data", "algorithm"],
        "The hash of a value by MD5, SHA-1, SHA-256, SHA-384 or SHA-512, in hexadecimal digits",
    ),
    ("parse", "<s-:x>", &["text"], "The value of a JSON text"),
    ("partition", "<an:a>", &["array", "size"], "The array in pieces of so many items"),
    ("random", "<n?:n>", &["seed"], "A random number from 0 to below 1, or the one of a seed"),
    (
        "range",
        "<nnn:x>",
        &["first", "last", "step"],
        "The numbers from the first to the last, in steps",
    ),
    ("uuid", "<:s>", &[], "A random UUID"),
];

/// The one that AWS takes away.
const DISABLED: &str = "eval";

/// All functions, by name.
pub fn jsonata_functions() -> &'static [JsonataFunction] {
    static FUNCTIONS: LazyLock<Vec<JsonataFunction>> = LazyLock::new(|| {
        let is_of_aws = |name: &str| OF_AWS.iter().any(|(other, ..)| *other == name);
        let own = jlens_core::function_catalog()
            .into_iter()
            .filter(|function| function.name != DISABLED && !is_of_aws(function.name))
            .map(|function| JsonataFunction {
                name: function.name,
                signature: function.signature,
                parameters: function.params,
                summary: function.summary,
            });
        let of_aws = OF_AWS.into_iter().map(|(name, signature, parameters, summary)| {
            JsonataFunction { name, signature: signature.to_owned(), parameters, summary }
        });
        let mut functions: Vec<_> = own.chain(of_aws).collect();
        functions.sort_by_key(|function| function.name);
        functions
    });
    &FUNCTIONS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixed;
    use crate::{Jsonata, JsonataError};

    #[test]
    fn each_name_is_that_of_a_function() {
        let functions = jsonata_functions();
        assert!(functions.len() > 60, "{}", functions.len());
        for function in functions {
            let name = Jsonata::parse(&format!("${}", function.name)).unwrap();
            let evaluated = name.evaluate(&Fixed::default()).map(std::borrow::Cow::into_owned);
            assert_eq!(evaluated, Err(JsonataError::Function), "{}", function.name);
        }
        assert!(functions.iter().all(|function| function.name != "eval"));
    }
}
