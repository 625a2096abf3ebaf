//! Nothing panics, and nothing takes more than its share.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{finds_nothing, gives, parse};
use crate::{JsonPath, PathError};

#[test]
fn the_value_in_a_message_is_cut() {
    let mut deep = json!(1);
    for _ in 0..400 {
        deep = Value::Array(vec![deep, json!({"k": "v".repeat(1000)})]);
    }
    let root = json!({"a": deep});
    let Err(PathError::NotApplicable(message)) = parse("$[0]").evaluate(&root) else { panic!() };
    assert!(message.len() < 34 * 1024, "{}", message.len());
}

#[test]
fn hostile_texts_are_refused_quickly() {
    let many = |part: &str, count: usize| format!("${}", part.repeat(count));
    for text in [
        many("[", 10_000),
        many("[?(@", 10_000),
        many("[?(@.a == @.b[?(", 3_000),
        many("[0]", 10_000),
        many(".a", 10_000),
        many("..a", 10_000),
        many("['a", 10_000),
        many(".", 10_000),
        many("[", 1_000_000),
        format!("$.{}", "a".repeat(1_000_000)),
        format!("$[?(@.a{})]", " && @.a".repeat(1_000)),
        format!("$[?({})]", "(".repeat(10_000)),
        format!("${}{}", "[".repeat(10_000), "]".repeat(10_000)),
    ] {
        assert!(JsonPath::parse(&text).is_err(), "{}", &text[..20]);
    }
}

#[test]
fn the_depth_of_a_document_does_not_matter_to_a_search() {
    let mut deep = json!({"x": 1});
    for _ in 0..2_000 {
        deep = Value::Array(vec![deep]);
    }
    gives(&deep, "$..x", &json!([1]));
    gives(&deep, "$..y", &json!([]));
    let too_deep = PathError::TooMuch { max: 512, what: "levels in its result" };
    assert_eq!(parse("$..*").evaluate(&deep), Err(too_deep));
}

#[test]
fn a_search_that_would_never_end_is_given_up() {
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = Value::Array(vec![deep, json!(1)]);
    }
    let root = json!({"a": deep});
    let outcome = parse("$..*..*..*..*..*..*..*").evaluate(&root);
    assert!(matches!(outcome, Err(PathError::TooMuch { .. })), "{outcome:?}");
}

#[test]
fn a_long_path_over_a_wide_document_keeps_its_messages() {
    let mut text = "$".to_owned();
    let mut root = json!({});
    for index in (0..100).rev() {
        let mut members = serde_json::Map::new();
        members.insert(format!("n{index}"), root);
        root = Value::Object(members);
    }
    (0..100).for_each(|index| write!(text, ".n{index}").unwrap());
    gives(&root, &text, &json!({}));
    let message = format!("No results for path: {}['end']", parse(&text).canonical());
    finds_nothing(&root, &format!("{text}.end"), &message);
}

/// Any JSON value of a moderate size, with few enough names that paths find them.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c1']{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Texts that are paths more often than not.
fn any_path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        "\\.[a-c]",
        "\\[[-0-3,: ]{1,5}\\]",
        "\\['[a-c]'(,'[a-c]')?\\]",
        "\\.\\.[a-c*]",
        "\\.\\*",
        "\\[\\(@\\.length ?-[0-2]\\)\\]",
        "\\[\\?\\(!?[@$]\\.[a-c]( ?(==|!=|<|>=|=~) ?('[a-c1]'|1|null|/[a-c.*]{1,3}/|@\\.b|\\$\\.a))?\\)\\]",
        "[\\]\\[.*?'@$ &|()/a]{1,3}",
    ];
    prop::collection::vec(step, 0..6).prop_map(|steps| format!("${}", steps.concat()))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        _ = JsonPath::parse(&text);
        _ = JsonPath::parse(&format!("$[{text}]"));
        _ = JsonPath::parse(&format!("$[?({text})]"));
    }

    #[test]
    fn no_path_and_document_make_the_engine_panic(text in any_path(), root in any_value()) {
        match JsonPath::parse(&text) {
            Ok(path) => {
                if let Ok(found) = path.evaluate(&root) {
                    prop_assert!(path.is_definite() || found.is_array());
                }
            }
            Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{text} {error:?}"),
        }
    }

    #[test]
    fn what_a_path_is_read_as_is_read_as_the_same(text in any_path()) {
        if let Ok(path) = JsonPath::parse(&text) {
            let canonical = path.canonical();
            // The spelling of messages loses filters, and is no path for names cut short.
            if !canonical.contains(['?', '(']) && !canonical.contains("[]") && !canonical.contains("''")
                && let Ok(again) = JsonPath::parse(&canonical)
            {
                prop_assert_eq!(again.canonical(), canonical);
            }
        }
    }
}
