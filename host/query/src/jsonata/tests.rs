//! What expressions give, how they fail, and that their limits hold.

use serde_json::{Value, json};

use super::{Jsonata, JsonataError};
use crate::testing::Fixed;

fn evaluate(text: &str, scope: &Fixed) -> Result<Value, String> {
    let expression = Jsonata::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    expression.evaluate(scope).map(std::borrow::Cow::into_owned).map_err(|error| error.to_string())
}

fn gives(text: &str, value: Value) {
    assert_eq!(evaluate(text, &Fixed::default()), Ok(value), "{text}");
}

fn fails(text: &str, words: &str) {
    assert_eq!(evaluate(text, &Fixed::default()), Err(words.to_owned()), "{text}");
}

#[test]
fn functions_of_aws_are_there() {
    gives("$partition([0], 5)", json!([[0]]));
    gives("$partition([1..5], 2)", json!([[1, 2], [3, 4], [5]]));
    gives("$range(1, 9, 9)", json!(1));
    gives("$range(0, 9, 3)", json!([0, 3, 6, 9]));
    gives("$range(9, 0, -4)", json!([9, 5, 1]));
    gives("$hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7"));
    gives("$random(42)", json!(0.727_563_680_032_868_1));
    gives("$parse('{\"a\": [1, -0]}')", json!({"a": [1, 0]}));
    gives("$length($uuid())", json!(36));
    fails(
        "$eval('1+1')",
        "threw an error during evaluation. T1006: Attempted to invoke a non-function",
    );
    fails(
        "$randomSeeded(1)",
        "threw an error during evaluation. T1006: Attempted to invoke a non-function",
    );
}

#[test]
fn what_comes_to_nothing_or_to_a_function_is_an_error() {
    fails("$nope", "returned nothing (undefined).");
    fails("$states.input.a", "returned nothing (undefined).");
    fails("$f := function($x){$x}", "returned an unsupported result type.");
    fails("$sum", "returned an unsupported result type.");
    gives("{'a': $nope, 'b': 1}", json!({"b": 1}));
}

#[test]
fn a_variable_of_the_workflow_hides_a_function() {
    let scope =
        Fixed::default().with_variable("count", json!(3)).with_variable("keys", json!(["a"]));
    assert_eq!(evaluate("$count + 1", &scope), Ok(json!(4)));
    assert_eq!(evaluate("$keys[0] & 'b'", &scope), Ok(json!("ab")));
    assert_eq!(evaluate("$distinct([1, 1, 2])", &scope), Ok(json!([1, 2])));
}

#[test]
fn guards_change_nothing_that_is_small() {
    let scope = Fixed::default().with_variable("xs", json!([{"a": 1}, {"a": 1}]));
    for (text, value) in [
        ("$distinct($xs.a)", json!(1)),
        ("$distinct([1, 1])", json!([1])),
        ("$keys({'a': 1, 'b': 2})", json!(["a", "b"])),
        ("{'a': 1}.$keys()", json!("a")),
        ("$match('abab', /a/).index", json!([0, 2])),
        ("('abab').$match(/b/, 1).match", json!("b")),
        ("$split('a1b2', /\\d/)", json!(["a", "b", ""])),
        ("$split('a,b', ',')", json!(["a", "b"])),
        ("$replace('abc', /b/, function($m){$uppercase($m.match)})", json!("aBc")),
        ("$map([[1, 1], [2]], $distinct)", json!([[1], [2]])),
    ] {
        assert_eq!(evaluate(text, &scope), Ok(value), "{text}");
    }
}

#[test]
fn limits_have_the_words_of_aws() {
    let time = "threw an error during evaluation. Expression evaluation timeout";
    let memory = "threw an error during evaluation. Expression evaluation memory limit exceeded";
    let depth = "threw an error during evaluation. Stack overflow error";
    gives("$count([1..873782])", json!(873_782));
    fails("$count([1..873783])", memory);
    gives("$length($pad('', 4194304, 'a'))", json!(4_194_304));
    fails("$length($pad('', 8388608, 'a'))", memory);
    gives(&["1"; 199].join("+"), json!(199));
    fails(&["1"; 200].join("+"), depth);
    fails("($f := function($x){$f($x)}; $f(1))", time);
    fails("($f := function($x){$f($x) + 1}; $f(1))", depth);
    fails("$distinct([1..30000])", time);
    fails("$match($pad('', 1000000, 'ab'), /a/)", time);
    fails("$map([1..1000], function($i){$pad('x', 4000000)})", memory);
}

#[test]
fn whole_numbers_stay_whole() {
    let scope = Fixed::default().with_variable("n", json!(9_007_199_254_740_993_u64));
    assert_eq!(evaluate("$n", &scope), Ok(json!(9_007_199_254_740_993_u64)));
    assert_eq!(evaluate("$n + 0", &scope), Ok(json!(9_007_199_254_740_992_u64)));
    assert_eq!(evaluate("10 / 4", &scope), Ok(json!(2.5)));
    assert_eq!(evaluate("1.0 * 3", &scope), Ok(json!(3)));
}

#[test]
fn an_error_is_no_panic_whatever_the_text() {
    for text in
        ["", "(", "$", "$$", "a", "a[", "/x", "{%", "function", "'", "`", "\u{0}", "1..", "?", "%"]
    {
        if let Ok(expression) = Jsonata::parse(text) {
            let result = expression.evaluate(&Fixed::default()).map(|_| ());
            assert!(!matches!(result, Err(JsonataError::Limit(_))), "{text}");
        }
    }
}
