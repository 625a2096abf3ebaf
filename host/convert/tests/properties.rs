//! A machine and what it is converted to do the same with any data: the one is run by the engine, the other
//! by a few lines here that know JSONata states, with jlens for the expressions.
//!
//! What succeeds in JSONPath must succeed in JSONata with the same output. What fails there may go on here
//! in the ways that `docs/convert.md` tells, which rest on arrays and indexes: without them, it must fail too.

#![expect(clippy::unwrap_used, reason = "a failed test panics, and reads its own files")]

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use stepwell_convert::convert_definition;
use support::{jsonata, jsonpath, same};

/// A machine around a state: it assigns a variable first, and tells the output and the variable at the end.
fn machine(mut state: Value) -> Value {
    let tell = |to: &str| json!({ "Type": "Pass", "Parameters": { "to": to, "out.$": "$", "x.$": "$x" }, "End": true });
    if state["Type"] != "Choice" {
        state["Next"] = json!("A");
    }
    json!({
        "StartAt": "Init",
        "States": {
            "Init": { "Type": "Pass", "Assign": { "x": { "a": [1, 2] } }, "Next": "S" },
            "S": state,
            "A": tell("A"),
            "B": tell("B"),
        }
    })
}

/// Runs both; says whether both came to an end.
#[track_caller]
fn agree(state: Value, input: &Value, strictly: bool) -> Result<(), TestCaseError> {
    let definition = machine(state);
    let Some(expected) = jsonpath(&definition, input) else { return Ok(()) };
    let converted = convert_definition(&definition);
    if converted.kept > 0 {
        return Ok(());
    }
    let got = jsonata(&converted.definition, input);
    let shown = || {
        format!(
            "{input}\n{:#}\n{got:?}\nexpected {expected:?}",
            converted.definition["States"]["S"]
        )
    };
    match (&expected, &got) {
        (Ok(expected), Ok(found)) => prop_assert!(same(expected, found), "{}", shown()),
        (Ok(_), Err(_)) => prop_assert!(false, "{}", shown()),
        (Err(_), Ok(_)) => prop_assert!(!strictly, "{}", shown()),
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(-2.5),
        json!(1.5),
        json!(""),
        json!("x"),
        json!("a,b;;c"),
        json!("5"),
        json!("[1]"),
        json!("2024-01-01T00:00:00Z"),
        json!("2024-01-01T02:00:00.5+01:00"),
        json!("MD5"),
        json!("YQ=="),
        json!("a.b*c\nd"),
    ])
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(vec!["a", "b", "c d", "n"]), inner), 0..4)
                .prop_map(|members| members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()),
        ]
    })
}

/// Mostly objects, as inputs are.
fn input() -> impl Strategy<Value = Value> {
    let object = (value(), value(), value(), scalar())
        .prop_map(|(a, b, c, s)| json!({ "a": a, "b": b, "c d": c, "s": s }));
    prop_oneof![8 => object, 1 => value()]
}

/// Objects without any array.
fn plain_input() -> impl Strategy<Value = Value> {
    let leaf = scalar().prop_recursive(3, 12, 3, |inner| {
        prop::collection::vec((prop::sample::select(vec!["a", "b", "c d"]), inner), 0..3).prop_map(
            |members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        )
    });
    (leaf.clone(), leaf, scalar()).prop_map(|(a, b, s)| json!({ "a": a, "b": b, "s": s }))
}

fn definite() -> impl Strategy<Value = String> {
    let step =
        prop::sample::select(vec![".a", ".b", "['c d']", "[0]", "[1]", "[(@.length-1)]", ".n"]);
    let root = prop::sample::select(vec!["$", "$", "$", "$$.Execution.Input", "$x"]);
    let path = (root, prop::collection::vec(step, 0..3))
        .prop_map(|(root, steps)| format!("{root}{}", steps.concat()));
    prop_oneof![4 => path, 2 => prop::sample::select(vec!["$.a", "$.b", "$.s", "$", "$$.State.Name"]).prop_map(str::to_owned)]
}

/// Names only.
fn named() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![".a", ".b", "['c d']"]);
    prop::collection::vec(step, 0..3).prop_map(|steps| format!("${}", steps.concat()))
}

fn any_path() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![
        ".a", ".b", "[0]", "[*]", ".*", "[*]", "[1:]", "[:2]", "[0:1]", "[-1:]", "[:-1]", ".n",
    ]);
    (definite(), prop::collection::vec(step, 0..3))
        .prop_map(|(path, steps)| format!("{path}{}", steps.concat()))
}

fn call() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => any_path(),
        1 => prop::sample::select(vec!["'x'", "''", "1", "2.5", "-1", "null", "true", "'a,b'", "'{}\\'\\\\'"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let one = |name: &'static str, inner: BoxedStrategy<String>| {
            inner.prop_map(move |a| format!("States.{name}({a})")).boxed()
        };
        let two = |name: &'static str, inner: BoxedStrategy<String>| {
            (inner.clone(), inner)
                .prop_map(move |(a, b)| format!("States.{name}({a}, {b})"))
                .boxed()
        };
        let inner = inner.boxed();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("States.Array({})", items.join(", "))),
            one("ArrayLength", inner.clone()),
            one("ArrayUnique", inner.clone()),
            one("StringToJson", inner.clone()),
            one("JsonToString", inner.clone()),
            one("Base64Encode", inner.clone()),
            one("Base64Decode", inner.clone()),
            two("ArrayContains", inner.clone()),
            two("ArrayGetItem", inner.clone()),
            two("MathAdd", inner.clone()),
            (inner.clone(), 1..4).prop_map(|(a, n)| format!("States.ArrayPartition({a}, {n})")),
            (inner.clone(), 0..4).prop_map(|(a, n)| format!("States.ArrayGetItem({a}, {n})")),
            (inner.clone(), 0..4).prop_map(|(a, n)| format!("States.MathAdd({a}, {n})")),
            (0..3, 0..6, 1..3).prop_map(|(a, b, c)| format!("States.ArrayRange({a}, {b}, {c})")),
            inner.clone().prop_map(|a| format!("States.Hash({a}, 'SHA-256')")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("States.JsonMerge({a}, {b}, false)")),
            (inner, prop::sample::select(vec!["','", "',;'", "'.*'", "'^-]\\\\'"]))
                .prop_map(|(a, b)| format!("States.StringSplit({a}, {b})")),
            Just("States.Format('{}', $.s)".to_owned()),
            Just("States.Format('a \\{{}\\} \"b\" {}', $.s, $$.State.Name)".to_owned()),
        ]
    })
}

fn template() -> impl Strategy<Value = Value> {
    prop_oneof![
        definite().prop_map(|path| json!({ "a.$": path, "k": "constant" })),
        any_path().prop_map(|path| json!({ "a": { "b.$": path } })),
        call().prop_map(|call| json!({ "a.$": call })),
        (definite(), call()).prop_map(
            |(path, call)| json!({ "a": [1, { "b.$": path }], "b": { "a.$": call }, "n": [[]] })
        ),
        value().prop_map(|value| json!({ "a": value, "b": "{% $x %}" })),
    ]
}

/// The fields that lead data through a state, some of them.
fn fields(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let path = || prop_oneof![1 => Just(json!(null)), 6 => definite().prop_map(Value::from)];
    let written = prop::sample::select(vec![
        json!(null),
        json!("$"),
        json!("$.a"),
        json!("$.n"),
        json!("$.n.m"),
        json!("$.a.b"),
        json!("$['c d']"),
    ]);
    let picked = prop_oneof![
        path(),
        prop::sample::select(vec![
            json!("$.n"),
            json!("$.n.m"),
            json!("$.n.a"),
            json!("$.a.b"),
            json!("$.n.m.b")
        ]),
        any_path().prop_map(Value::from),
    ];
    let all = (
        path(),
        template(),
        template(),
        written,
        picked,
        template(),
        value(),
        prop::collection::vec(any::<bool>(), 7),
    );
    all.prop_map(
        move |(input, parameters, selector, result_path, output, assign, result, there)| {
            let values = [
                ("InputPath", input),
                ("Parameters", parameters),
                ("ResultSelector", selector),
                ("ResultPath", result_path),
                ("OutputPath", output),
                ("Assign", renamed(&assign)),
                ("Result", result),
            ];
            let values = values.into_iter().zip(there);
            let chosen = values.filter(|((name, _), there)| *there && names.contains(name));
            Value::Object(chosen.map(|((name, value), _)| (name.to_owned(), value)).collect())
        },
    )
}

/// An assignment of `x`.
fn renamed(template: &Value) -> Value {
    json!({ "x": template })
}

fn test(path: BoxedStrategy<String>) -> impl Strategy<Value = Value> {
    let operators = vec![
        ("IsPresent", json!(true)),
        ("IsPresent", json!(false)),
        ("IsNull", json!(true)),
        ("IsNull", json!(false)),
        ("IsNumeric", json!(true)),
        ("IsString", json!(false)),
        ("IsBoolean", json!(true)),
        ("IsTimestamp", json!(true)),
        ("IsTimestamp", json!(false)),
        ("StringEquals", json!("x")),
        ("StringLessThan", json!("m")),
        ("StringGreaterThanEquals", json!("5")),
        ("StringMatches", json!("a*")),
        ("StringMatches", json!("*.b\\**d")),
        ("StringMatches", json!("*")),
        ("NumericEquals", json!(1.0)),
        ("NumericGreaterThan", json!(0)),
        ("NumericLessThanEquals", json!(1.5)),
        ("BooleanEquals", json!(true)),
        ("BooleanEquals", json!(false)),
        ("TimestampEquals", json!("2024-01-01T00:00:00Z")),
        ("TimestampLessThan", json!("2024-01-01T01:30:00Z")),
        ("StringEqualsPath", json!("$.s")),
        ("NumericLessThanPath", json!("$.b")),
        ("NumericEqualsPath", json!("$.a")),
        ("BooleanEqualsPath", json!("$.s")),
        ("TimestampGreaterThanEqualsPath", json!("$.s")),
    ];
    let leaf = (path, prop::sample::select(operators))
        .prop_map(|(path, (operator, operand))| json!({ "Variable": path, operator: operand }));
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| json!({ "And": all })),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|any| json!({ "Or": any })),
            inner.prop_map(|one| json!({ "Not": one })),
        ]
    })
}

fn choice(path: BoxedStrategy<String>) -> impl Strategy<Value = Value> {
    let rule = (test(path.clone()), any::<bool>(), prop::option::of(path.clone())).prop_map(
        |(mut test, first, assign)| {
            test["Next"] = json!(if first { "A" } else { "B" });
            if let Some(assign) = assign {
                test["Assign"] = json!({ "x.$": assign });
            }
            test
        },
    );
    (prop::option::of(path), prop::collection::vec(rule, 1..4)).prop_map(|(output, rules)| {
        let mut state = json!({});
        if let Some(output) = output {
            state["OutputPath"] = json!(output);
        }
        state["Type"] = json!("Choice");
        state["Choices"] = json!(rules);
        state["Default"] = json!("B");
        state
    })
}

fn task() -> impl Strategy<Value = Value> {
    let fields = fields(&[
        "InputPath",
        "Parameters",
        "ResultSelector",
        "ResultPath",
        "OutputPath",
        "Assign",
    ]);
    let catch = self::fields(&["ResultPath", "Assign"]);
    (fields, catch).prop_map(|(mut state, mut catcher)| {
        catcher["ErrorEquals"] = json!(["E"]);
        catcher["Next"] = json!("B");
        state["Type"] = json!("Task");
        state["Resource"] = json!("arn:aws:lambda:us-east-1:123456789012:function:echo");
        state["Catch"] = json!([catcher]);
        state
    })
}

fn pass() -> impl Strategy<Value = Value> {
    fields(&["InputPath", "Parameters", "ResultPath", "OutputPath", "Assign", "Result"]).prop_map(
        |mut state| {
            state["Type"] = json!("Pass");
            state
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_find_the_same(path in any_path(), input in input()) {
        agree(json!({ "Type": "Pass", "Parameters": { "found.$": path } }), &input, false)?;
    }

    #[test]
    fn calls_give_the_same(call in call(), input in input()) {
        agree(json!({ "Type": "Pass", "Parameters": { "found.$": call } }), &input, false)?;
    }

    #[test]
    fn a_pass_hands_the_same_on(state in pass(), input in input()) {
        agree(state, &input, false)?;
    }

    #[test]
    fn a_task_gets_and_gives_the_same(state in task(), input in input()) {
        agree(state, &input, false)?;
    }

    #[test]
    fn a_choice_goes_the_same_way(state in choice(definite().boxed()), input in input()) {
        agree(state, &input, false)?;
    }

    #[test]
    fn a_choice_fails_for_what_is_missing(state in choice(named().boxed()), input in plain_input()) {
        agree(state, &input, true)?;
    }

    #[test]
    fn a_path_fails_for_what_is_missing(path in named(), other in named(), input in plain_input()) {
        let call = format!("States.Array({path}, {other})");
        agree(json!({ "Type": "Pass", "Parameters": { "found.$": call } }), &input, true)?;
        let parameters = json!({ "found.$": path });
        agree(json!({ "Type": "Pass", "Parameters": parameters, "ResultPath": "$.n" }), &input, true)?;
    }
}
