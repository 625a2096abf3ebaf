//! `stepwell eval`: an expression on the command line, and many on standard input.

use serde_json::json;

use crate::support::{Cli, Ran};

const TOTAL: &str = "$sum($states.input.prices) + $tax";

fn eval(arguments: &[&str]) -> Cli {
    Cli::new().arg("eval").args(arguments)
}

#[track_caller]
fn gives(arguments: &[&str], printed: &str) {
    eval(arguments).run().succeeds().prints(printed);
}

/// What a conversation prints and says.
fn conversation(lines: &str, arguments: &[&str]) -> Ran {
    eval(&["--interactive"]).args(arguments).stdin(lines).run()
}

#[test]
fn an_expression_sees_the_values_that_are_given() {
    gives(&["1 + 1"], "2");
    gives(&["--", "-1 + 2"], "1");
    gives(&["{% [1..3].{'n': $} %}"], r#"[{"n":1},{"n":2},{"n":3}]"#);
    gives(&["$states.input"], "{}");
    gives(&[TOTAL, "--input", r#"{"prices": [1, 2.5]}"#, "--vars", r#"{"tax": 1}"#], "4.5");
    gives(&["$.prices[1]", "--input", r#"{"prices": [1, 2.5]}"#], "2.5");
    gives(&["$n.a", "--jsonpath", "--vars", r#"{"n": {"a": [1]}}"#], "[1]");
    gives(&["States.Format('{}!', $)", "--input", "\"hi\""], "\"hi!\"");
    gives(&["$states.result.x", "--states", r#"{"result": {"x": null}}"#], "null");
    gives(&["$uppercase('ü')", "--raw"], "Ü");
}

#[test]
fn values_come_from_files_and_standard_input() {
    eval(&["$states.input.a", "--input", "@in.json"])
        .file("in.json", "{\"a\": 1}\n")
        .run()
        .succeeds()
        .prints("1");
    eval(&["$v", "--vars", "-"]).stdin("{\"v\": 2}").run().succeeds().prints("2");
    eval(&["-"]).stdin("  (\n  $a := 1;\n  $a + 1)\n").run().succeeds().prints("2");
    eval(&["--file", "sum.jsonata"]).file("sum.jsonata", "1 +\n 2\n").run().succeeds().prints("3");
}

#[test]
fn a_context_object_is_there_and_can_be_other() {
    gives(
        &["$states.context.Execution.Id"],
        "\"arn:aws:states:us-east-1:123456789012:execution:eval:eval\"",
    );
    gives(&["$$.Execution.Input.a", "--input", r#"{"a": 1}"#], "1");
    let context = r#"{"Map": {"Item": {"Value": 7}}, "Execution": {"Name": "mine"}}"#;
    gives(&["$$.Map.Item.Value", "--context", context], "7");
    gives(&["$states.context.Execution.Name", "--context", context], "\"mine\"");
    gives(&["$$.StateMachine.Name", "--context", context], "\"eval\"");
    let whole = eval(&["$$", "--clock", "2026-01-02T03:04:05.670Z"]).run().succeeds();
    assert_eq!(
        whole.json(),
        json!({
            "Execution": {
                "Id": "arn:aws:states:us-east-1:123456789012:execution:eval:eval",
                "Input": {},
                "Name": "eval",
                "RoleArn": "arn:aws:iam::123456789012:role/stepwell",
                "StartTime": "2026-01-02T03:04:05.67Z",
                "RedriveCount": 0,
            },
            "State": {
                "EnteredTime": "2026-01-02T03:04:05.67Z",
                "Name": "eval",
                "RetryCount": 0,
            },
            "StateMachine": {
                "Id": "arn:aws:states:us-east-1:123456789012:stateMachine:eval",
                "Name": "eval",
            },
        })
    );
}

#[test]
fn time_and_chance_can_be_given() {
    gives(&["$now()", "--clock", "2026-01-02T03:04:05Z"], "\"2026-01-02T03:04:05.000Z\"");
    let seeded = |seed| eval(&["$uuid()", "--seed", seed]).run().succeeds().stdout;
    assert_eq!(seeded("1"), seeded("1"));
    assert_ne!(seeded("1"), seeded("2"));
}

#[test]
fn a_mistake_in_an_expression_is_pointed_at() {
    let ran = eval(&["$sum($states.input.prices"]).run().exits(2).prints_nothing();
    insta::assert_snapshot!(ran.stderr);
    let ran = eval(&["--file", "sum.jsonata"]).file("sum.jsonata", "1 +\n  * 2\n").run();
    insta::assert_snapshot!("a_mistake_in_a_file", ran.exits(2).prints_nothing().stderr);
    let ran = eval(&["$.a + 1"]).run().exits(2).prints_nothing();
    insta::assert_snapshot!("jsonata_without_an_input_document", ran.stderr);
}

#[test]
fn an_expression_that_fails_is_told_as_aws_words_it() {
    for (expression, told) in [
        ("$nope", "error[States.QueryEvaluationError]: `$nope` returned nothing (undefined)."),
        ("$sum", "`$sum` returned an unsupported result type."),
        (
            "$eval('1')",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        ("$.a", "error[States.Runtime]: `$.a`: No results for path: $['a']"),
        ("States.StringToJson('{')", "error[States.IntrinsicFailure]: "),
    ] {
        eval(&[expression]).run().exits(1).prints_nothing().says([told]);
    }
}

#[test]
fn an_expression_that_takes_too_much_is_stopped() {
    eval(&["$map([1..1000], function($i){$pad('x', 4000000)})"])
        .run()
        .exits(1)
        .prints_nothing()
        .says(["threw an error during evaluation. Expression evaluation memory limit exceeded"]);
    eval(&["($f := function($x){$f($x)}; $f(1))"])
        .run()
        .exits(1)
        .says(["Expression evaluation timeout"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (arguments, told) in [
        (&[""][..], "error: there is no expression"),
        (&["1", "--input", "{"], "error: the input of `--input` is not JSON: "),
        (&["1", "--vars", "{"], "error: the value of `--vars` is not JSON: "),
        (
            &["1", "--vars", "[]"],
            "error: `--vars`: the variables must be a JSON object, not an array",
        ),
        (&["1", "--vars", r#"{"a-b": 1}"#], "error: `--vars`: no variable can be called `a-b`"),
        (&["1", "--states", r#"{"x": 1}"#], "error: `--states`: `$states` has no `x`"),
        (&["1", "--context", "1"], "error: `--context`: the context object must be a JSON object"),
        (&["1", "--input", "@none.json"], "cannot read `none.json`: there is no such file"),
        (&["--file", "none.jsonata"], "cannot read `none.jsonata`: there is no such file"),
        (&["-", "--input", "-"], "standard input can be only one of the things that are given"),
        (&["1", "--input", "{}", "--states", "{}"], "cannot be used with"),
        (&["1", "--interactive"], "cannot be used with"),
        (&["1", "--clock", "noon"], "--clock"),
    ] {
        eval(arguments).run().exits(2).prints_nothing().says([told]);
    }
    eval(&[]).run().exits(2).says(["no expression was given", "`--interactive`"]);
}

#[test]
fn lines_are_answered_one_after_the_other() {
    let lines = "\
:input {\"prices\": [1, 2]}
$sum($states.input.prices)
:set tax (
  1 + 1
)
$sum($states.input.prices) + $tax
$.prices[0]
:jsonpath on
$tax
:input @order.json
$.id";
    let ran = eval(&["-i"]).stdin(lines).file("order.json", "{\"id\": 7}").run().succeeds();
    assert_eq!(ran.stdout, "3\n$tax = 2\n5\n1\n2\n7\n");
    assert_eq!(ran.stderr, "");
    // Lines of a pipe are nobody's history.
    assert_eq!(ran.files(".local"), Vec::<String>::new());
}

#[test]
fn a_line_that_fails_is_told_and_the_next_one_is_answered() {
    let ran = conversation("$nope\n1 +\n:nope\n:quit\n1", &[]).succeeds().prints_nothing();
    insta::assert_snapshot!(ran.stderr);
    conversation("$v\n(1", &["--vars", "{\"v\": 1}"]).succeeds().prints("1").says(["error[S0203]"]);
}

#[test]
fn a_clock_that_is_given_stands_still() {
    let ran = conversation("$millis()\n$millis()\n", &["--clock", "1970-01-01T00:00:01Z"]);
    ran.succeeds().prints("1000\n1000");
}
