//! What filters accept.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{does_not_apply, gives, parse};

#[test]
fn a_filter_picks_elements_or_passes_an_object() {
    let root = json!({"l": [{"a": 1}, {"a": null}, {}, 5], "o": {"a": 1}});
    gives(&root, "$.l[?(@.a)]", &json!([{"a": 1}]));
    gives(&root, "$.l[?(!@.a)]", &json!([{"a": null}, {}, 5]));
    gives(&root, "$.o[?(@.a)]", &json!([{"a": 1}]));
    gives(&root, "$.o[?(@.b)]", &json!([]));
    gives(&root, "$.l[?(@['a'])].a", &json!([1]));
    gives(&json!([{"a": 1, "b": 2}, {"a": 1}]), "$[?(@['a','b'])]", &json!([{"a": 1, "b": 2}]));
}

#[test]
fn an_index_behind_a_filter_is_of_each_element() {
    let root = json!({"l": [{"a": 1}], "m": [[7, 8], [9]]});
    gives(&root, "$.m[?(@[0])][0]", &json!([7, 9]));
    does_not_apply(
        &root,
        "$.l[?(@.a)][0]",
        "Filter: [0] can only be applied to arrays. Current context is: {a=1}",
    );
}

#[test]
fn an_index_in_a_filter_can_fail_the_whole() {
    does_not_apply(
        &json!([{}]),
        "$[?(@[0] == 1)]",
        "Filter: [0] can only be applied to arrays. Current context is: {}",
    );
}

#[test]
fn a_literal_is_read_as_the_type_of_the_other_side() {
    let root = json!([{"v": 1}, {"v": "1"}, {"v": true}, {"v": "true"}, {"v": 1.5}]);
    let picks = |filter: &str, expected: Value| {
        let values = parse(&format!("$[?({filter})].v")).evaluate(&root).map(Cow::into_owned);
        assert_eq!(values, Ok(expected), "{filter}");
    };
    let only = json!([{"v": 1}, {"v": 1.5}]);
    gives(&only, "$[?(@.v == 1)].v", &json!([1]));
    gives(&only, "$[?(@.v == '1.0')].v", &json!([1]));
    gives(&only, "$[?(@.v >= 1.5)].v", &json!([1.5]));
    gives(&only, "$[?(@.v != 1)].v", &json!([1.5]));
    gives(&json!([{"v": true}, {"v": "TRUE"}]), "$[?(@.v == TRUE)].v", &json!([true, "TRUE"]));
    picks("@.v == 1", json!([1, "1"]));
    gives(&json!(["b", "a"]), "$[?(@ > 'a')]", &json!(["b"]));
    does_not_apply(
        &only,
        "$[?(@.v == 'x')]",
        "Character x is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark.",
    );
}

#[test]
fn a_literal_on_the_left_is_only_ever_a_text() {
    gives(&json!([{"v": 1}]), "$[?(1 == @.v)]", &json!([]));
    gives(&json!([{"v": "1"}]), "$[?(1 == @.v)].v", &json!(["1"]));
}

#[test]
fn double_quotes_are_part_of_a_text() {
    let root = json!([{"v": "a"}, {"v": "\"a\""}]);
    gives(&root, r#"$[?(@.v == "a")].v"#, &json!(["\"a\""]));
    gives(&root, r#"$[?(@.v == "a" && @.v)]"#, &json!([{"v": "\"a\""}]));
    gives(&root, "$[?(@.v == a)].v", &json!(["a"]));
}

#[test]
fn an_escaped_quote_in_a_text_is_a_quote() {
    gives(&json!([{"v": "it's"}]), r"$[?(@.v == 'it\'s')].v", &json!(["it's"]));
}

#[test]
fn null_and_the_text_null_are_one() {
    let root = json!([{"v": null}, {"v": "null"}, {"v": 1}, {}]);
    gives(&root, "$[?(@.v == null)].v", &json!([null, "null"]));
    gives(&root, "$[?(@.v != 'null')].v", &json!([1]));
    gives(&root, "$[?(@.v > null)].v", &json!([1]));
    gives(&root, "$[?(@.v < 5)].v", &json!(["null", 1]));
}

#[test]
fn what_is_not_comparable_or_not_there_meets_no_condition() {
    let root = json!([{"v": [1]}, {"v": {}}, {}]);
    gives(&root, "$[?(@.v == 1)]", &json!([]));
    gives(&root, "$[?(@.v != 1)]", &json!([]));
    gives(&json!({"n": 1, "l": [{"v": true}]}), "$.l[?(@.v != $.n)]", &json!([]));
}

#[test]
fn the_same_place_equals_itself() {
    let root = json!({"k": {"x": 1}, "l": [{"v": [1]}]});
    gives(&root, "$.l[?(@.v == @.v)].v", &json!([[1]]));
    gives(&root, "$.l[?(@.v == $.k)].v", &json!([]));
}

#[test]
fn a_filter_compares_with_the_root_but_asks_the_element_what_exists() {
    let root = json!({"max": 2, "l": [{"v": 1}, {"v": 2}, {"v": 3, "max": 0}]});
    gives(&root, "$.l[?(@.v < $.max)].v", &json!([1]));
    gives(&root, "$.l[?($.max >= @.v)].v", &json!([1, 2]));
    gives(&root, "$.l[?($.max)].v", &json!([3]));
}

#[test]
fn and_binds_tighter_than_or_and_parentheses_mean_nothing() {
    let root = json!([{"a": 1}, {"b": 1}, {"b": 1, "c": 1}, {"a": 1, "c": 1}]);
    let expected = json!([{"a": 1}, {"b": 1, "c": 1}, {"a": 1, "c": 1}]);
    gives(&root, "$[?(@.a || @.b && @.c)]", &expected);
    gives(&root, "$[?((@.a || @.b) && @.c)]", &expected);
    gives(&root, "$[?(@.c && @.b || @.a && @.c)]", &json!([{"b": 1, "c": 1}, {"a": 1, "c": 1}]));
}

#[test]
fn a_negated_comparison_compares_texts() {
    let root = json!([{"v": 1}, {"v": 100}]);
    gives(&root, "$[?(!(@.v < 10))].v", &json!([1, 100]));
    gives(&root, "$[?(!@.v == 1)].v", &json!([1]));
}

#[test]
fn a_regex_matches_the_whole_text_of_any_value() {
    let root = json!([{"v": "abc"}, {"v": "ABC"}, {"v": "xabc"}, {"v": 42}, {"v": null}, {}]);
    gives(&root, "$[?(@.v =~ /a.*/)].v", &json!(["abc"]));
    gives(&root, "$[?(@.v =~ /a.*/i)].v", &json!(["abc", "ABC"]));
    gives(&root, "$[?(/a|abc/ =~ @.v)].v", &json!(["abc"]));
    gives(&root, "$[?(@.v =~ /[0-9]+/)].v", &json!([42]));
}
