//! What can be said to `eval`.

use std::path::PathBuf;

use jiff::Timestamp;

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell eval '$sum($states.input.orders.price)' --input @order.json
  stepwell eval '{% $uppercase($name) %}' --vars '{\"name\": \"ann\"}' --raw
  stepwell eval '$.orders[?(@.price > 2)].id' --input @order.json
  stepwell eval \"States.Format('{} of {}', \\$.part, \\$\\$.Execution.Name)\" --input '{\"part\": 1}'
  stepwell eval '$states.result.Payload' --states '{\"result\": {\"Payload\": 1}}'
  stepwell eval --input @order.json        # a prompt

An expression is JSONata, unless it begins with `$.`, `$[`, `$$` or `States.` or is `$`: in the JSONata of a
workflow these mean nothing, so it is JSONPath or an intrinsic function. `$name` means a variable in both,
and is JSONata without `--jsonpath`. Between `{%` and `%}` all is JSONata.")]
pub(crate) struct EvalArgs {
    /// The expression; `-` for standard input. Without one there is a prompt, on a terminal.
    #[arg(value_name = "EXPR", allow_negative_numbers = true)]
    pub(crate) expression: Option<String>,
    /// Read the expression from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    pub(crate) file: Option<PathBuf>,
    /// Take expressions and commands line by line; `:help` lists the commands.
    #[arg(short, long, conflicts_with_all = ["expression", "file"])]
    pub(crate) interactive: bool,
    /// The state's input, `$states.input` and `$`: JSON, `@FILE`, or `-` for standard input; default: `{}`.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,
    /// The whole of `$states`: an object with `input`, `result`, `errorOutput` and `context`, where there is one;
    /// JSON, `@FILE` or `-`.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true, conflicts_with = "input")]
    pub(crate) states: Option<String>,
    /// The workflow's variables, as an object: JSON, `@FILE` or `-`.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) vars: Option<String>,
    /// Members of the context object, `$states.context` and `$$`, that are other than by default: JSON, `@FILE`
    /// or `-`.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) context: Option<String>,
    /// Read the expression as JSONPath or an intrinsic function, whatever it begins with.
    #[arg(long)]
    pub(crate) jsonpath: bool,
    /// Print a string without its quotes.
    #[arg(short, long)]
    pub(crate) raw: bool,
    /// The time that the expression sees, such as `2026-01-01T00:00:00Z`; default: the time that it is.
    #[arg(long, value_name = "TIME")]
    pub(crate) clock: Option<Timestamp>,
    /// Let random numbers and UUIDs follow from this number.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}
