//! What each function gives, in a table; what the parser takes and refuses; and the bounds.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{INTRINSIC_BYTES_MAX, Intrinsic};
use crate::testing::Fixed;

fn evaluate(call: &str, data: &Value) -> Result<Value, String> {
    let scope = Fixed::new(data.clone())
        .with_context(json!({"Execution": {"Name": "run-7"}}))
        .with_variable("total", json!([1, {"x": 2}]));
    let intrinsic = Intrinsic::parse(call).unwrap_or_else(|error| panic!("{call}: {error}"));
    assert_eq!(intrinsic.to_string(), call);
    intrinsic.evaluate(&scope).map_err(|error| error.to_string())
}

/// `intrinsics.json`: `[call, data, result]`, or `[call, data, null, message]` for a failure.
#[test]
fn every_row_of_the_table_holds() {
    let table: Vec<Value> = serde_json::from_str(include_str!("tests/intrinsics.json")).unwrap();
    let mut wrong = Vec::new();
    for row in &table {
        let call = row[0].as_str().unwrap();
        let expected = match row.get(3) {
            None => Ok(row[2].clone()),
            Some(message) => Err(message.as_str().unwrap().to_owned()),
        };
        let got = evaluate(call, &row[1]);
        if got != expected {
            wrong
                .push(format!("{call} on {}\n  expected {expected:?}\n       got {got:?}", row[1]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[track_caller]
fn is_refused(text: &str, offset: usize, message: &str) {
    let error = Intrinsic::parse(text).expect_err(text);
    assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
}

#[test]
fn broken_calls_are_refused_with_a_place() {
    is_refused("", 0, "a call begins with `States.`");
    is_refused(" States.UUID()", 0, "a call begins with `States.`");
    is_refused("States.", 0, "there is no function `States.`");
    is_refused("States.uuid()", 0, "there is no function `States.uuid`");
    is_refused("States.UUID", 11, "expected `(` after `States.UUID`");
    is_refused("States.UUID(", 11, "this `(` is never closed");
    is_refused("States.Array(1, ", 12, "this `(` is never closed");
    is_refused("States.UUID() x", 14, "expected nothing after the call");
    is_refused("States.UUID(1)", 0, "`States.UUID` takes no arguments, not 1");
    is_refused("States.Format()", 0, "`States.Format` takes at least 1 argument, not 0");
    is_refused("States.ArrayLength()", 0, "`States.ArrayLength` takes 1 argument, not 0");
    is_refused("States.MathRandom(1)", 0, "`States.MathRandom` takes 2 to 3 arguments, not 1");
    is_refused("States.Array(States.Hash(1))", 13, "`States.Hash` takes 2 arguments, not 1");
    is_refused("States.Array(1,)", 15, "an argument is missing here");
    is_refused("States.Array(,1)", 13, "an argument is missing here");
    is_refused("States.Array(1 2)", 15, "expected `,` or `)` after an argument");
    is_refused("States.Array('a)", 13, "this quote is never closed");
    is_refused(r#"States.Array("a")"#, 13, "a string goes into single quotes");
    is_refused(
        r#"States.Array('a\"')"#,
        15,
        r"a backslash stands only before `'`, `{`, `}` and `\`",
    );
    is_refused(r"States.Array('\", 14, r"a backslash stands only before `'`, `{`, `}` and `\`");
    is_refused("States.Array(1, $.ü[)", 20, "`$.ü[)` is no path: this `[` is never closed");
    for word in ["01", "+1", ".5", "1.", "nul", "NaN", "x", "True", "1e999"] {
        let what = "a string in single quotes, a number, a path or a call";
        let message = format!("`{word}` is no argument; expected {what}");
        is_refused(&format!("States.Array({word})"), 13, &message);
    }
}

#[test]
fn a_slip_in_a_name_is_answered_with_the_name() {
    for (wrong, right) in [
        ("States.format('x')", "States.Format"),
        ("States.Fromat('x')", "States.Format"),
        ("States.ArrayGetitem()", "States.ArrayGetItem"),
        ("States.Base64Deocde()", "States.Base64Decode"),
    ] {
        let help = Intrinsic::parse(wrong).unwrap_err().help;
        assert_eq!(help, Some(format!("did you mean `{right}`?")), "{wrong}");
    }
    assert_eq!(Intrinsic::parse("States.Sleep(1)").unwrap_err().help, None);
}

#[test]
fn calls_nest_ten_deep() {
    let nested = |depth| format!("{}{}", "States.Array(".repeat(depth), ")".repeat(depth));
    assert!(evaluate(&nested(11), &json!(null)).is_ok());
    is_refused(&nested(12), 13 * 11, "at most 10 calls can be nested");
    is_refused(&"States.Array(".repeat(100_000), 13 * 11, "at most 10 calls can be nested");
}

#[test]
fn random_numbers_lie_in_their_range_and_ids_are_of_version_4() {
    for _ in 0..100 {
        let number = evaluate("States.MathRandom(-3, 4)", &json!(null)).unwrap();
        assert!((-3..4).contains(&number.as_i64().unwrap()));
    }
    let pair = evaluate("States.Array(States.UUID(), States.UUID())", &json!(null)).unwrap();
    assert_ne!(pair[0], pair[1]);
    assert_eq!(pair[0].as_str().unwrap().as_bytes()[14], b'4');
}

#[test]
fn what_is_made_has_a_limit() {
    let large = json!({"a": "x".repeat(200_000), "l": vec![0; 100_000]});
    let many = |call: &str, argument: &str| format!("{call}({})", [argument; 30].join(", "));
    let too_much = Err(format!("the function makes more than {INTRINSIC_BYTES_MAX} bytes"));
    assert_eq!(evaluate(&many("States.Array", "$"), &large), too_much);
    assert_eq!(evaluate(&many("States.Array", "States.Array($)"), &large), too_much);
    assert_eq!(evaluate(&many("States.Array", "$..l"), &large), too_much);
    let format = format!("States.Format('{}', {})", "{}".repeat(30), ["$"; 30].join(", "));
    assert_eq!(evaluate(&format, &large), too_much);
    let control = json!("\u{1}".repeat(1_000_000));
    assert_eq!(evaluate("States.Format('{}', $)", &control), too_much);
    let parts = evaluate("States.ArrayLength(States.ArrayPartition($.l, 1))", &large);
    assert_eq!(parts, Ok(json!(100_000)));
}

#[test]
fn large_arrays_and_sets_take_no_time() {
    let numbers: Vec<u32> = (0..60_000).collect();
    let unique = evaluate("States.ArrayLength(States.ArrayUnique($))", &json!(numbers));
    assert_eq!(unique, Ok(json!(60_000)));
    let text: String = ('\u{1000}'..'\u{9000}').collect();
    assert_eq!(evaluate("States.StringSplit($, $)", &json!(text)), Ok(json!([])));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-20..20_i64).prop_map(Value::from),
        "[a-c,{}\\\\\\[\\]\"0-9 ]{0,9}".prop_map(Value::from),
        prop_oneof![Just("MD5"), Just("SHA-256"), Just("SHA-512"), Just("YQ==")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Calls with any arguments, right or wrong in their kind.
fn any_call() -> impl Strategy<Value = String> {
    let argument = prop_oneof![
        prop::sample::select(vec![
            "$",
            "$.a",
            "$.b",
            "$..a",
            "$[0]",
            "$[*]",
            "$[1:]",
            "$$",
            "$total",
            "$total[1].x",
            "$nothing",
            "null",
            "true",
            "false",
            "0",
            "-1",
            "2",
            "1.5",
            "1e300",
            "-9223372036854775808",
            "9223372036854775807",
            "18446744073709551615",
            "''",
            "'{}'",
            r"'\{\} {} a,b'",
            "'MD5'",
            "','",
            "'[1,{}]'",
            "'YQ=='",
        ])
        .prop_map(str::to_owned),
        "-?[0-9]{1,20}",
    ];
    argument.prop_recursive(6, 30, 4, |inner| {
        let names = super::Function::ALL.to_vec();
        (prop::sample::select(names), prop::collection::vec(inner, 5)).prop_flat_map(
            |(function, arguments)| {
                let (least, most) = (*function.arity().start(), *function.arity().end());
                (least..=most.min(arguments.len())).prop_map(move |count| {
                    format!("{}({})", function.name(), arguments[..count].join(", "))
                })
            },
        )
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), tail in "[A-Za-z.()\\[\\]'\\\\${}, 0-9]{0,40}") {
        for text in [
            text.clone(),
            format!("States.{text}"),
            format!("States.Array({text})"),
            format!("States.Format('{text}', $.{text})"),
            format!("States.Array({tail}"),
            format!("States.Array($[{tail}, $.a)"),
        ] {
            if let Err(error) = Intrinsic::parse(&text) {
                prop_assert!(text.is_char_boundary(error.offset), "{text} {error:?}");
            }
        }
    }

    #[test]
    fn every_call_ends_within_its_limit(call in any_call(), data in any_value()) {
        if let Ok(intrinsic) = Intrinsic::parse(&call) {
            let scope = Fixed::new(data).with_variable("total", json!([1, {"x": 2}]));
            if let Ok(value) = intrinsic.evaluate(&scope) {
                prop_assert!(value.to_string().len() <= INTRINSIC_BYTES_MAX);
            }
        }
    }

    #[test]
    fn any_text_can_be_a_literal(text in any::<String>()) {
        let literal: String = text
            .chars()
            .flat_map(|c| if matches!(c, '\'' | '{' | '}' | '\\') { vec!['\\', c] } else { vec![c] })
            .collect();
        let data = json!(null);
        prop_assert_eq!(evaluate(&format!("States.Format('{literal}')"), &data), Ok(json!(text)));
        prop_assert_eq!(evaluate(&format!("States.Array('{literal}')"), &data), Ok(json!([text])));
    }

    #[test]
    fn splitting_and_joining_agree(pieces in prop::collection::vec("[a-c]{1,3}", 0..9)) {
        let joined = json!(pieces.join(",;"));
        prop_assert_eq!(evaluate("States.StringSplit($, ';,')", &joined), Ok(json!(pieces)));
    }

    #[test]
    fn base64_is_read_back(text in any::<String>()) {
        let call = "States.Base64Decode(States.Base64Encode($))";
        prop_assert_eq!(evaluate(call, &json!(text)), Ok(json!(text)));
    }

    #[test]
    fn json_is_read_back(data in any_value()) {
        // -0.0 loses its sign, as Java's integers have none.
        prop_assume!(!data.to_string().contains("-0.0"));
        prop_assert_eq!(evaluate("States.StringToJson(States.JsonToString($))", &data), Ok(data));
    }
}
