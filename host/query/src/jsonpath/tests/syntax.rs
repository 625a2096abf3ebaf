//! Which texts are paths, and how they are read.

use serde_json::json;

use super::{gives, is_refused, means, parse};
use crate::JsonPath;

#[test]
fn only_dollar_is_the_root() {
    assert!(parse("$").is_root());
    assert!(parse("$ ").is_root());
    assert!(!parse("$.a").is_root());
    assert_eq!(JsonPath::root(), parse("$"));
}

#[test]
fn a_path_is_shown_stored_and_compared_as_it_was_written() {
    let path = parse("$.a['b'] ");
    assert_eq!(path.to_string(), "$.a['b'] ");
    assert_eq!(serde_json::to_string(&path).unwrap(), r#""$.a['b'] ""#);
    assert_eq!(serde_json::from_str::<JsonPath>(r#""$.a['b'] ""#).unwrap(), path);
    assert!(serde_json::from_str::<JsonPath>(r#""a""#).is_err());
    assert_ne!(path, parse("$.a.b"));
    assert_eq!(format!("{path:?}"), r#"JsonPath("$.a['b'] ")"#);
}

#[test]
fn a_compiled_path_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&parse("$.a[?(@.b =~ /c/)]"));
}

#[test]
fn the_kind_of_step_decides_whether_a_path_is_definite() {
    for text in ["$", "$.a", "$['a']", "$['a','b']", "$.a[0]", "$.a[-1]", "$.a[(@.length-1)].b"] {
        assert!(parse(text).is_definite(), "{text}");
    }
    for text in ["$.*", "$[*]", "$..a", "$.a[0,1]", "$.a[1:]", "$.a[:1].b", "$.a[?(@.b)]"] {
        assert!(!parse(text).is_definite(), "{text}");
    }
}

#[test]
fn the_third_part_of_a_slice_is_ignored_and_the_first_two_are_not_optional() {
    means("$.l[0:6:2]", "$['l'][0:6]");
    means("$.l[1::2]", "$['l'][1:]");
    means("$.l[:4:2]", "$['l'][:4]");
    is_refused("$.l[::2]", 3, "a number is missing here");
    is_refused("$.l[:]", 3, "a number is missing here");
}

#[test]
fn brackets_are_read_generously() {
    means("$.l[ 0 ]", "$['l'][0]");
    means("$.l[01]", "$['l'][1]");
    means("$.l[1.9]", "$['l'][1]");
    means("$.l[0 : 2]", "$['l'][0:2]");
    means("$.l[0 , 2]", "$['l'][0,2]");
    means("$.l[2,]", "$['l'][2]");
    means("$.l[1,2:3]", "$['l'][1,2,3]");
    means("$[ 'a' ].b", "$['a']['b']");
    means("$.l[0]x", "$['l'][0]['x']");
    means("$.a.[0].['b'].[?(@.c)]", "$['a'][0]['b'][?]");
    is_refused("$.l[1-2]", 3, "`1-2` is no index");
    is_refused("$.l[99999999999]", 3, "`99999999999` is no index");
}

#[test]
fn names_in_quotes_may_be_anything_but_know_no_escapes() {
    let root = json!({"a b": 1, "c.d": 2, "$e": 3, "ü": 4, "5": 5, "f\"": 6, "": 7, "*": 8});
    gives(&root, "$['a b']", &json!(1));
    gives(&root, "$['c.d']", &json!(2));
    gives(&root, "$['$e']", &json!(3));
    gives(&root, "$['ü']", &json!(4));
    gives(&root, "$.ü", &json!(4));
    gives(&root, "$['5']", &json!(5));
    gives(&root, "$['f\"']", &json!(6));
    gives(&root, "$['']", &json!(7));
    gives(&root, "$['*']", &json!(8));
    means(r"$['it\'s']", r"$['it\']");
    is_refused("$[\"a\"]", 1, "names in brackets go into single quotes: `['a']`");
}

#[test]
fn a_closing_bracket_ends_a_name_even_in_quotes() {
    gives(&json!({"a]b": 1}), "$['a]", &json!({}));
    gives(&json!({"a[b": 1}), "$['a[b']", &json!(1));
    // The opening one in the name makes the bracket reach to the end of the text.
    gives(&json!({"a[b": {"c": 1}}), "$['a[b'].c", &json!({"c": 1}));
}

#[test]
fn texts_that_are_no_paths_are_refused_with_a_place() {
    is_refused("", 0, "a path starts with `$`");
    is_refused("a.b", 0, "a path starts with `$`");
    is_refused("@.a", 0, "a path starts with `$`");
    is_refused(" $.a", 0, "a path starts with `$`");
    is_refused("$a", 1, "expected `.` or `[` after the start of a path");
    is_refused("$$.a", 1, "expected `.` or `[` after the start of a path");
    is_refused("$.a[0]$.b", 6, "`$` can only be at the start of a path");
    is_refused("$.", 2, "expected a name after `.`");
    is_refused("$.ü.", 5, "expected a name after `.`");
    is_refused("$..", 1, "a path cannot end with `..`");
    is_refused("$.a...", 4, "a path cannot end with `..`");
    is_refused("$.a[0", 3, "this `[` is never closed");
    is_refused("$['a'", 1, "this `[` is never closed");
    let expected =
        "expected an index, a slice, `*`, a filter or a name in single quotes between `[` and `]`";
    is_refused("$[]", 1, expected);
    is_refused("$[a]", 1, expected);
    let space = "a space is not allowed here; a name with spaces goes into brackets: `['a b']`";
    is_refused("$.a b", 3, space);
    is_refused("$. a", 2, space);
    let length = "expected `[(@.length-1)]`, with any number for the 1";
    is_refused("$.a[(@.length)]", 3, length);
    is_refused("$.a[(@.count-1)]", 3, length);
    is_refused("$.a[@]", 3, length);
}

#[test]
fn functions_are_names() {
    means("$.l.length()", "$['l']['length()']");
    gives(&json!({"l": {"length()": 1}}), "$.l.length()", &json!(1));
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    is_refused("$[?@.a]", 1, "a filter is written `[?(...)]`");
    is_refused("$[?]", 1, "a filter is written `[?(...)]`");
    is_refused("$[?()]", 4, "a condition is missing here");
    is_refused("$[?(@.a && )]", 10, "a condition is missing here");
    is_refused("$[?(|| @.a)]", 4, "a condition is missing here");
    is_refused("$[?(@.a &&& @.b)]", 10, "conditions are joined by `&&` or `||`");
    is_refused("$[?(a)]", 4, "expected a path that starts with `@`, or a comparison");
    is_refused(
        "$[?(@.a == !@.b)]",
        11,
        "`!` only asks whether something is missing, as in `[?(!@.a)]`",
    );
    is_refused("$[?(@.a[*] == 1)]", 4, "a path in a filter can only mean one value");
    is_refused("$[?(@..a)]", 4, "a path in a filter can only mean one value");
    is_refused("$[?(@.a[?(@.b)])]", 7, "a path in a filter cannot have a filter itself");
    is_refused("$[?(@.a =~ 'x')]", 4, "`=~` needs a regex such as `/a.*/` or `/a.*/i`");
    is_refused("$[?(@.a =~ /(/)]", 1, "the brackets of this filter are not balanced");
    is_refused("$[?(@.a == ')]", 1, "the brackets of this filter are not balanced");
    let space = "a space is not allowed here; a name with spaces goes into brackets: `['a b']`";
    for operator in ["in", "nin", "size", "empty", "contains", "="] {
        is_refused(&format!("$[?(@.a {operator} 1)]"), 7, space);
    }
}

#[test]
fn a_regex_that_this_engine_lacks_is_refused_with_a_reason() {
    let error = JsonPath::parse("$[?(@.a =~ /(?=x)/)]").unwrap_err();
    assert_eq!(error.offset, 4);
    assert!(error.message.starts_with("`(?=x)` is no regex: look-around"), "{}", error.message);
    let error = JsonPath::parse("$[?(@.a =~ /((x{1000}){1000}){1000}/)]").unwrap_err();
    assert_eq!(error.message, "the regex `((x{1000}){1000}){1000}` is too large");
}
