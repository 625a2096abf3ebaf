//! Tasks that reach for what they were not given: sockets, names, the host's environment, its input.

use crate::support::{Case, End, Guest, NULL, cases};

const NETWORK: &str = r#"
(import "wasi:cli/exit@0.2.12" (instance $exit
  (export "exit-with-code" (func (param "status-code" u8)))))
"#;

fn exiting(code: u32) -> Guest {
    Guest::new(&format!("(call $exit-with (i32.const {code})) {NULL}")).imports(NETWORK).lower(
        "exit-with",
        "(param i32)",
        r#"lower (func $exit "exit-with-code")"#,
    )
}

cases! {
    the_environment_of_the_host => Case::deed(
        r#"{"do":"env"}"#,
        End::Answers(r#"{"variables":[],"arguments":[]}"#),
    );
    an_exit_with_zero => Case::guest(&exiting(0), End::Exit("Runtime exited without providing a reason"));
    an_exit_with_a_code => Case::guest(&exiting(7), End::Exit("exit status 7"));
    an_exit_with_the_largest_code => Case::guest(&exiting(255), End::Exit("exit status 255"));
}
