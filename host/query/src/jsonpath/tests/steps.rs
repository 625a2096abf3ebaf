//! What the steps of a path find, and what they say when they do not.

use std::borrow::Cow;

use serde_json::json;

use super::{does_not_apply, finds_nothing, gives, means, parse};

#[test]
fn a_definite_path_borrows_what_it_finds() {
    let root = json!({"order": {"lines": [{"sku": "a"}, {"sku": "b"}]}});
    let path = parse("$.order['lines'][1].sku");
    assert!(path.is_definite());
    let Ok(Cow::Borrowed(found)) = path.evaluate(&root) else { panic!("not borrowed") };
    assert!(std::ptr::eq(found, &raw const root["order"]["lines"][1]["sku"]));
    assert!(matches!(parse("$").evaluate(&root), Ok(Cow::Borrowed(_))));
}

#[test]
fn null_is_something_found() {
    gives(&json!({"a": null}), "$.a", &json!(null));
    gives(&json!({"a": [null, 1]}), "$.a[*]", &json!([null, 1]));
}

#[test]
fn what_a_definite_path_misses_is_named() {
    let root = json!({"box": {"lid": null, "label": "x"}, "list": [7]});
    finds_nothing(&root, "$.nothing", "No results for path: $['nothing']");
    finds_nothing(&root, "$.box.size", "No results for path: $['box']['size']");
    finds_nothing(&root, "$.box.size.width", "Missing property in path $['box']['size']");
    finds_nothing(&root, "$.box.lid.color", "Property ['color'] not found in path $['box']['lid']");
    finds_nothing(
        &root,
        "$.box.label.text",
        "Property ['text'] not found in path $['box']['label']",
    );
    finds_nothing(&root, "$.list.first", "Property ['first'] not found in path $['list']");
    finds_nothing(&root, "$.box.lid[0]", "The path $['box']['lid'] is null");
    finds_nothing(&root, "$.list[1]", "Index out of bounds when evaluating path $['list'][1]");
    finds_nothing(&root, "$.list[1].a", "Index out of bounds when evaluating path $['list'][1]");
    finds_nothing(&root, "$.list[0].a", "Property ['a'] not found in path $['list'][0]");
}

#[test]
fn an_index_is_not_counted_from_the_end() {
    let root = json!({"list": [1, 2]});
    finds_nothing(&root, "$.list[-1]", "Index out of bounds when evaluating path $['list'][-1]");
    finds_nothing(
        &root,
        "$.list[(@.length-3)].a",
        "Index out of bounds when evaluating path $['list'][-1]",
    );
    gives(&root, "$.list[(@.length-1)]", &json!(2));
    gives(&root, "$.list[( @.size() - 2 )]", &json!(1));
    means("$.list[(@.length-1)]", "$['list'][@.size()-1]");
}

#[test]
fn an_index_of_what_is_no_array_does_not_apply_and_shows_it_as_java_would() {
    let root = json!({"a": {"b": {"c": [{"d/e": "f\n"}, null], "g": true}}, "s": "text"});
    does_not_apply(
        &root,
        "$.a[0].x",
        r#"Filter: [0]['x'] can only be applied to arrays. Current context is: {b={c=[{"d\/e":"f\n"},null], g=true}}"#,
    );
    does_not_apply(
        &root,
        "$.s[1:]",
        "Filter: [1:] can only be applied to arrays. Current context is: text",
    );
    does_not_apply(
        &root,
        "$.s[?(@.x)]",
        "Filter: [?] can not be applied to primitives. Current context is: text",
    );
}

#[test]
fn several_names_make_an_object_of_those_that_are_there() {
    let root = json!({"a": 1, "b": null, "in": {"c": 3, "d": 4}});
    gives(&root, "$['b','a','z']", &json!({"a": 1, "b": null}));
    gives(&root, "$['y','z']", &json!({}));
    gives(&root, "$.in['c', 'd']", &json!({"c": 3, "d": 4}));
    does_not_apply(
        &root,
        "$['a','in'].c",
        "Multi properties can only be used as path leafs: $['a', 'in']",
    );
    finds_nothing(&root, "$.a['x','y']", "Property ['x', 'y'] not found in path $['a']");
}

#[test]
fn lists_of_indexes_and_slices_give_arrays() {
    let root = json!({"l": [0, 1, 2, 3, 4]});
    gives(&root, "$.l[3,0]", &json!([3, 0]));
    gives(&root, "$.l[1:3]", &json!([1, 2]));
    gives(&root, "$.l[3:]", &json!([3, 4]));
    gives(&root, "$.l[-2:]", &json!([3, 4]));
    gives(&root, "$.l[-9:]", &json!([0, 1, 2, 3, 4]));
    gives(&root, "$.l[9:]", &json!([]));
    gives(&root, "$.l[:2]", &json!([0, 1]));
    gives(&root, "$.l[:-3]", &json!([0, 1]));
    gives(&root, "$.l[:-9]", &json!([]));
    gives(&root, "$.l[1:99]", &json!([1, 2, 3, 4]));
    gives(&root, "$.l[3:1]", &json!([]));
    gives(&root, "$.l[1:-1]", &json!([]));
    finds_nothing(&root, "$.l[0,9]", "Index out of bounds when evaluating path $['l'][9]");
    finds_nothing(&root, "$.l[-2:3]", "Index out of bounds when evaluating path $['l'][-2]");
}

#[test]
fn an_indefinite_path_may_lack_what_is_on_its_way() {
    for text in ["$.a[*]", "$.a.b[*].c", "$.a[1:]", "$.a.b[:1].c", "$.a[?(@.b)]", "$.a[0,1]"] {
        gives(&json!({}), text, &json!([]));
    }
    does_not_apply(
        &json!({}),
        "$[1:]",
        "Filter: [1:] can only be applied to arrays. Current context is: {}",
    );
    gives(&json!({}), "$[*]", &json!([]));
}

#[test]
fn behind_its_last_indefinite_step_a_path_may_lack_only_one_name() {
    let root = json!({"l": [{"a": {"b": {"c": 1}}}, {"a": {}}, {}]});
    gives(&root, "$.l[2:].a.b", &json!([]));
    finds_nothing(&root, "$.l[2:].a", "No results for path: $['l'][2]['a']");
    finds_nothing(&root, "$.l[1:2].a.b", "No results for path: $['l'][1]['a']['b']");
    finds_nothing(&root, "$.l[1:2].a.b.c", "Missing property in path $['l'][1]['a']['b']");
    gives(&root, "$.l[1:2].a.b[*].c", &json!([]));
}

#[test]
fn a_star_on_an_array_skips_elements_where_the_rest_finds_nothing() {
    let root = json!({"l": [{"a": [1]}, {"a": []}, {}, 5, null, "s", {"a": [2, 3]}]});
    gives(&root, "$.l[*].a[0]", &json!([1, 2]));
    gives(&root, "$.l.*.a[1]", &json!([3]));
    gives(&root, "$.l[*].a.x", &json!([]));
    does_not_apply(
        &json!([{"a": 1}]),
        "$[*].a[0]",
        "Filter: [0] can only be applied to arrays. Current context is: 1",
    );
}

#[test]
fn a_star_on_an_object_skips_nothing() {
    let root = json!({"o": {"a": {"x": 1}, "b": {"x": 2}}, "m": {"a": {"x": 1}, "b": {}, "c": 3}});
    gives(&root, "$.o.*.x", &json!([1, 2]));
    finds_nothing(&root, "$.m.*.x", "No results for path: $['m']['b']['x']");
    gives(&root, "$.m.c.*", &json!([]));
}

#[test]
fn a_star_that_skips_leaves_messages_behind_it_intact() {
    let root = json!({"l": [{}], "o": {"p": {}}});
    gives(&root, "$.l[*].a", &json!([]));
    finds_nothing(
        &json!({"a": [[{}]], "b": {}}),
        "$.*.c",
        "Property ['c'] not found in path $['a']",
    );
    finds_nothing(
        &json!({"a": [{"c": {}}], "b": {"c": {}}}),
        "$.b.*.d",
        "No results for path: $['b']['c']['d']",
    );
}

#[test]
fn dots_go_through_everything_parents_first() {
    let root = json!({"a": {"x": 1, "b": [{"x": {"x": 2}}, [3, {"x": 4}]]}, "x": 5});
    gives(&root, "$..x", &json!([5, 1, {"x": 2}, 2, 4]));
    gives(&root, "$.a..x", &json!([1, {"x": 2}, 2, 4]));
    gives(&root, "$...x", &json!([5, 1, {"x": 2}, 2, 4]));
    gives(&root, "$..nowhere", &json!([]));
    gives(&json!([1, [2]]), "$..*", &json!([1, [2], 2]));
    gives(&json!({"a": {"b": 1, "c": 2}, "b": 3}), "$..['b','c']", &json!([{"b": 1, "c": 2}]));
    gives(&json!(5), "$..*", &json!([]));
}

#[test]
fn behind_dots_what_is_below_the_found_must_be_there() {
    let root = json!({"l": [{"p": {"q": 1}}, {"p": {}}, {"p": 2}]});
    finds_nothing(&root, "$..p.q", "No results for path: $['l'][1]['p']['q']");
    finds_nothing(&json!({"p": {}}), "$..p.q.r", "Missing property in path $['p']['q']");
    finds_nothing(&json!({"p": 2}), "$..p.q", "Property ['q'] not found in path $['p']");
}

#[test]
fn behind_dots_a_bracket_that_is_not_last_means_every_element() {
    let root = json!({"l": [{"x": 1}, {"x": 2}]});
    gives(&root, "$..[0].x", &json!([1, 2]));
    gives(&root, "$..[0]", &json!([{"x": 1}]));
    finds_nothing(&json!([[]]), "$..[0]", "Index out of bounds when evaluating path $[0][0]");
}

#[test]
fn a_filter_behind_dots_sees_objects_wherever_they_are() {
    let root = json!({"a": {"p": 1}, "l": [{"p": 2}, {"p": 3, "in": {"p": 1}}, 4]});
    gives(&root, "$..[?(@.p < 3)]", &json!([{"p": 1}, {"p": 2}, {"p": 1}]));
    gives(&json!([5, [6]]), "$..[?(@ > 1)]", &json!([]));
}
