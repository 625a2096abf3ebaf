//! What holds for every text and every execution, tried on many random ones.

use proptest::prelude::*;
use serde_json::{Value, json};
use stepwell_asl::{Definition, Severity, load};
use stepwell_engine::{Applied, Effect, EffectId, Event, Execution, Failure, Invocation};
use stepwell_query::Document;
use stepwell_tests::machine::{self, Shape};
use stepwell_tests::random::Random;
use stepwell_tests::run::{self, closed_by};

/// Finds every place of a finding in its text, as a renderer would.
fn load_and_look_at_all(source: &str) {
    match load(source, "workflow") {
        Ok(workflow) => {
            assert!(!workflow.machines.is_empty());
            assert!(workflow.warnings.iter().all(|found| found.severity == Severity::Warning));
        }
        Err(findings) => {
            assert!(findings.iter().any(|found| found.severity == Severity::Error));
            for found in &findings {
                let related = found.related.iter().map(|related| &related.span);
                for span in related.chain([&found.span]) {
                    assert!(source.get(span.clone()).is_some(), "{span:?} of {found:?}");
                }
            }
        }
    }
}

/// Words of other tools' files.
const WORDS_OF_TOOLS: [&str; 36] = [
    "Resources",
    "Type",
    "Properties",
    "AWS::StepFunctions::StateMachine",
    "AWS::Serverless::Function",
    "Definition",
    "DefinitionString",
    "DefinitionSubstitutions",
    "DefinitionUri",
    "Parameters",
    "Default",
    "Conditions",
    "Condition",
    "Ref",
    "Fn::Sub",
    "Fn::Join",
    "Fn::If",
    "Fn::GetAtt",
    "Fn::Select",
    "Fn::Split",
    "Fn::FindInMap",
    "${A}",
    "${A.Arn}",
    "${!A}",
    "A.Arn",
    "${self:A, 'é'}",
    "${self:A.${self:B}}",
    "${file(A):B}",
    "{\"StartAt\": \"é\", \"States\": {}}",
    "service",
    "functions",
    "stepFunctions",
    "stateMachines",
    "definition",
    "A",
    "B",
];

/// Any JSON of those words.
fn embedded() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(&WORDS_OF_TOOLS[..]);
    let leaf = word.clone().prop_map(Value::from);
    leaf.prop_recursive(6, 40, 4, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A template or project around any JSON of those words, so that it is surely read.
fn embedding() -> impl Strategy<Value = Value> {
    (embedded(), embedded(), embedded(), any::<bool>()).prop_map(|(one, two, three, template)| {
        if template {
            json!({
                "Conditions": one, "Parameters": { "A": { "Type": "String", "Default": "é" } },
                "Resources": {
                    "A": { "Type": "AWS::Lambda::Function", "Properties": two },
                    "B": {
                        "Type": "AWS::StepFunctions::StateMachine",
                        "Properties": { "DefinitionString": three },
                    },
                },
            })
        } else {
            json!({
                "service": one, "A": two, "B": "${self:A.A}",
                "stepFunctions": { "stateMachines": { "A": { "definition": three } } },
            })
        }
    })
}

/// Words of the language, so that random texts get past the first check.
const WORDS: [&str; 57] = [
    "Parallel",
    "Map",
    "Branches",
    "ItemProcessor",
    "QueryLanguage",
    "JSONata",
    "Output",
    "Condition",
    "Assign",
    "ItemReader",
    "States.Format('{}', $.a)",
    "$x.y",
    "TimeoutSeconds",
    "StartAt",
    "States",
    "Type",
    "Task",
    "Choice",
    "Pass",
    "Wait",
    "Fail",
    "Succeed",
    "Next",
    "End",
    "Resource",
    "Choices",
    "Variable",
    "BooleanEquals",
    "And",
    "Not",
    "Retry",
    "Catch",
    "ErrorEquals",
    "ResultPath",
    "InputPath",
    "Parameters",
    "x.$",
    "$.a",
    "$$.State",
    "$",
    "States.ALL",
    "Seconds",
    "functions",
    "stateMachines",
    "definition",
    "stub",
    "grants",
    "true",
    "null",
    "-1",
    "1.5",
    "A",
    "&a",
    "*a",
    "<<",
    "'",
    "\"",
];

fn yaml_ish() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        6 => prop::sample::select(&[": ", ":", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ", ", " ", "\t", "# ", "|\n", "--- "][..])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// Any JSON value, small.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..3_i64).prop_map(Value::from),
        (-3.0..3.0_f64).prop_map(Value::from),
        prop::sample::select(
            &["", "a", "$.a", "$.a[0]", "$$.State", "2026-01-31T12:00:09Z", "A", "é🚀"][..]
        )
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop::sample::select(&["a", "b", "x.$", "é"][..]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..3)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// An input of which a Map may make something.
fn input() -> impl Strategy<Value = Value> {
    let item = prop_oneof![2 => (0..9_u64).prop_map(Value::from), 1 => value()];
    let items = prop::collection::vec(item, 0..4).prop_map(|items| json!({ "a": items }));
    prop_oneof![value(), items]
}

/// A machine of up to four states, in which anything that the language allows may be wrong at run time.
fn machine() -> impl Strategy<Value = Value> {
    (2..5_usize).prop_flat_map(|count| {
        let plain = prop::collection::vec(state(count), count).boxed();
        let nested = prop::collection::vec(plain.clone(), 3);
        (plain, nested, prop::option::of(1..20_u64), 0..3_u64, any::<[bool; 2]>()).prop_map(
            |(states, nested, timeout, concurrency, [distributed, picky])| {
                let [first, second, third] = <[_; 3]>::try_from(nested).expect("there are three");
                let mut machine = machine_of("S", &states);
                if let Some(seconds) = timeout {
                    machine["TimeoutSeconds"] = json!(seconds);
                }
                // A Parallel whose first branch has a Map before its own states.
                let mut inner = machine_of("B", &first);
                inner["States"]["Each"] = json!({
                    "Type": "Map", "ItemsPath": "$.a", "MaxConcurrency": concurrency, "Next": "B0",
                    "ItemSelector": { "a.$": "$$.Map.Item.Value", "v.$": "$seen" },
                    "ItemProcessor": machine_of("I", &second),
                    "Retry": [{ "ErrorEquals": ["Lost"], "MaxAttempts": 1 }],
                    "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "B0" }],
                    "ResultPath": null,
                });
                if picky {
                    // Some items cannot be selected, maybe while others are under way.
                    inner["States"]["Each"]["ItemSelector"]["n.$"] =
                        json!("States.MathAdd($$.Map.Item.Value, 1)");
                }
                if distributed {
                    let config = json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" });
                    inner["States"]["Each"]["ItemProcessor"]["ProcessorConfig"] = config;
                    inner["States"]["Each"]["ToleratedFailureCount"] = json!(1);
                }
                inner["StartAt"] = json!("Each");
                machine["States"]["Begin"] = json!({
                    "Type": "Pass", "Assign": { "seen.$": "$", "id.$": "States.UUID()" }, "Next": "Both",
                });
                machine["States"]["Both"] = json!({
                    "Type": "Parallel", "Branches": [inner, machine_of("C", &third)], "Next": "S0",
                    "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "S0", "Assign": { "e.$": "$" } }],
                });
                machine["StartAt"] = json!("Begin");
                machine
            },
        )
    })
}

/// A machine and an input: one where anything may be wrong, or one that gets far.
fn machine_and_input() -> impl Strategy<Value = (Value, Value)> {
    let far = (any::<u64>(), any::<bool>()).prop_map(|(seed, races)| {
        let mut random = Random::new(seed);
        let machine = machine::machine(&mut random, Shape { races, long: false });
        (machine, machine::input(&mut random))
    });
    prop_oneof![2 => (machine(), input()), 1 => far]
}

/// A machine of states that lead to each other as `S0`, `S1`, and so on, by names of its own. So is the name of
/// what they assign: a machine within another must not assign what that one does.
fn machine_of(prefix: &str, states: &[Value]) -> Value {
    let text = json!(states).to_string().replace("mine", &format!("mine{prefix}"));
    let mut states: Vec<Value> = serde_json::from_str(&text).expect("it was written just now");
    states.push(json!({ "Type": "Succeed" }));
    let named = states.into_iter().enumerate();
    let states: Value = named
        .map(|(index, mut state)| {
            for place in
                ["/Next", "/Default", "/Catch/0/Next", "/Choices/0/Next", "/Choices/1/Next"]
            {
                if let Some(Value::String(name)) = state.pointer_mut(place) {
                    *name = name.replace('S', prefix);
                }
            }
            (format!("{prefix}{index}"), state)
        })
        .collect();
    json!({ "StartAt": format!("{prefix}0"), "States": states })
}

fn state(count: usize) -> impl Strategy<Value = Value> {
    let next = (0..=count).prop_map(|index| format!("S{index}")).boxed();
    let path = prop::sample::select(&["$", "$.a", "$.a.b", "$.a[0]", "$.*", "$..b"][..]);
    let places = [json!("$"), json!("$.a"), json!("$.a.b"), json!(null)];
    let place = prop::sample::select(places.to_vec());
    let errors = prop::sample::select(&["States.ALL", "States.TaskFailed", "Busy"][..]);
    let data = (next.clone(), path.clone(), path.clone(), place.clone());
    prop_oneof![
        4 => (data.clone(), errors.clone(), errors, 0..3_u64, next.clone(), any::<bool>()).prop_map(
            |((next, input, output, place), retry, catch, attempts, caught, jitter)| json!({
                "Type": "Task", "Resource": "work", "Next": next, "InputPath": input, "TimeoutSeconds": 7,
                "OutputPath": output, "ResultPath": place,
                "Parameters": { "a.$": "$", "name.$": "$$.State.Name" },
                "Retry": [{
                    "ErrorEquals": [retry], "MaxAttempts": attempts, "IntervalSeconds": 5,
                    "JitterStrategy": if jitter { "FULL" } else { "NONE" },
                }],
                "Catch": [{ "ErrorEquals": [catch], "ResultPath": place, "Next": caught }],
            })
        ),
        2 => (data.clone(), value()).prop_map(|((next, input, output, place), result)| json!({
            "Type": "Pass", "Next": next, "InputPath": input, "OutputPath": output,
            "ResultPath": place, "Result": result,
        })),
        1 => data.prop_map(|(next, input, output, place)| json!({
            "Type": "Pass", "Next": next, "OutputPath": output, "ResultPath": place,
            "Parameters": { "a.$": input, "b": { "a.$": "$$.Execution.Input" } },
        })),
        2 => (next.clone(), 0..20_u64).prop_map(|(next, seconds)| json!({
            "Type": "Wait", "Seconds": seconds, "Next": next,
        })),
        1 => (next.clone(), path.clone()).prop_filter_map("one place", |(next, path)| {
            let definite = !path.contains('*') && !path.contains("..");
            definite.then(|| json!({ "Type": "Wait", "SecondsPath": path, "Next": next }))
        }),
        2 => (next.clone(), next.clone(), path).prop_map(|(next, otherwise, path)| json!({
            "Type": "Choice", "Default": otherwise, "Choices": [
                { "Variable": path, "IsNull": true, "Next": next },
                { "Not": { "Variable": path, "NumericLessThan": 1 }, "Next": next },
            ],
        })),
        1 => Just(json!({ "Type": "Fail", "Error": "Lost" })),
        6 => in_jsonata(next),
    ]
}

/// A state in JSONata. Its expressions may fail, draw, and read the clock and what other states assigned.
fn in_jsonata(next: BoxedStrategy<String>) -> impl Strategy<Value = Value> {
    let expression = prop::sample::select(
        &[
            "{% $states.input %}",
            "{% $states.input.a.b %}",
            "{% [$states.input.**] %}",
            "{% $uuid() %}",
            "{% [$random(), $random()] %}",
            "{% $now() & $string($millis()) %}",
            "{% $states.context.State.Name %}",
            "{% $exists($mine) ? $mine : {} %}",
            "{% $error('no') %}",
            "{% $sum($states.input.a) %}",
            "{% {'a': [1..3]} %}",
        ][..],
    )
    .boxed();
    let result = prop::sample::select(
        &["{% $states.result %}", "{% $states.result.a + 1 %}", "{% {'a': $states.result} %}"][..],
    );
    let caught = (next.clone(), expression.clone());
    prop_oneof![
        3 => (next.clone(), expression.clone(), result, 0..3_u64, caught).prop_map(
            |(next, arguments, output, attempts, (caught, assigned))| json!({
                "Type": "Task", "QueryLanguage": "JSONata", "Resource": "work", "Next": next,
                "Arguments": { "a": arguments, "name": "{% $states.context.State.Name %}" },
                "Output": output, "TimeoutSeconds": "{% 3 + 4 %}",
                "Retry": [{ "ErrorEquals": ["Busy"], "MaxAttempts": attempts }],
                "Catch": [{
                    "ErrorEquals": ["States.ALL"], "Next": caught, "Assign": { "mine": assigned },
                    "Output": "{% $states.errorOutput %}",
                }],
            })
        ),
        3 => (next.clone(), expression.clone(), expression.clone()).prop_map(
            |(next, output, assigned)| json!({
                "Type": "Pass", "QueryLanguage": "JSONata", "Next": next, "Output": output,
                "Assign": { "mine": assigned },
            })
        ),
        1 => (next.clone(), expression.clone()).prop_map(|(next, seconds)| json!({
            "Type": "Wait", "QueryLanguage": "JSONata", "Seconds": seconds, "Next": next,
        })),
        2 => (next.clone(), next, expression).prop_map(|(next, otherwise, value)| json!({
            "Type": "Choice", "QueryLanguage": "JSONata", "Default": otherwise,
            "Choices": [{
                "Condition": value.replace("{%", "{% $boolean(").replace("%}", ") %}"),
                "Next": next, "Output": value,
            }],
        })),
    ]
}

/// What a random event is made of.
#[derive(Debug, Clone)]
enum Throw {
    Started,
    Resumed,
    Succeeded(u64, Value),
    Failed(u64, &'static str),
    Fired(u64),
    Stopped,
    Redriven,
    /// Something said by a token, whether or not that is open.
    Beating(u64),
    /// Another input of what waits for an effect.
    Replaced(Value, prop::sample::Index),
    /// The outcome of an effect, so that executions get somewhere.
    Fitting(Value, Option<&'static str>, prop::sample::Index),
}

fn throws() -> impl Strategy<Value = Vec<Throw>> {
    let error = prop::sample::select(&["Busy", "States.Timeout", "States.Runtime", ""][..]).boxed();
    let throw = prop_oneof![
        1 => Just(Throw::Started),
        1 => Just(Throw::Resumed),
        1 => (0..6_u64, value()).prop_map(|(id, value)| Throw::Succeeded(id, value)),
        1 => (0..6_u64, error.clone()).prop_map(|(id, error)| Throw::Failed(id, error)),
        1 => (0..6_u64).prop_map(Throw::Fired),
        1 => Just(Throw::Stopped),
        1 => Just(Throw::Redriven),
        1 => (0..6_u64).prop_map(Throw::Beating),
        1 => (value(), any::<prop::sample::Index>())
            .prop_map(|(value, which)| Throw::Replaced(value, which)),
        24 => (value(), prop::option::of(error), any::<prop::sample::Index>())
            .prop_map(|(value, error, which)| Throw::Fitting(value, error, which)),
    ];
    prop::collection::vec(throw, 0..60)
}

impl Throw {
    /// `open` is an effect whose outcome is still to come.
    fn event(self, open: Option<&Effect>) -> Event {
        let succeeded = |id, value| Event::FunctionSucceeded {
            id: EffectId(id),
            output: Document::from(value),
        };
        let failed = |id, error: &str| Event::FunctionFailed {
            id: EffectId(id),
            failure: Failure::new(error, "cause"),
        };
        match (self, open) {
            (Self::Started, _) | (Self::Fitting(..) | Self::Replaced(..), None) => Event::Started,
            (Self::Resumed, _) => Event::Resumed,
            (Self::Succeeded(id, value), _) => succeeded(id, value),
            (Self::Failed(id, error), _) => failed(id, error),
            (Self::Fired(id), _) => Event::TimerFired { id: EffectId(id) },
            (Self::Stopped, _) => Event::StopRequested { error: None, cause: None },
            (Self::Redriven, _) => Event::RedriveRequested,
            (Self::Beating(id), _) => Event::TaskHeartbeat { id: EffectId(id) },
            (Self::Replaced(value, _), Some(effect)) => match effect.id() {
                Some(id) => Event::InputReplaced { id, input: Document::from(value) },
                None => Event::Resumed,
            },
            (Self::Fitting(value, error, _), Some(effect)) => match (effect, error) {
                (Effect::Invoke(Invocation { id, .. }), None) => succeeded(id.0, value),
                (Effect::Invoke(Invocation { id, .. }), Some(error)) => failed(id.0, error),
                (Effect::SetTimer { id, .. }, _) => Event::TimerFired { id: *id },
                (Effect::OpenToken(token), None) => {
                    Event::TaskSucceeded { id: token.id, output: Document::from(value) }
                }
                (Effect::OpenToken(token), Some(error)) => {
                    Event::TaskFailed { id: token.id, failure: Failure::new(error, "cause") }
                }
                (Effect::Cancel { .. } | Effect::Resume | Effect::Finish(_), _) => Event::Resumed,
            },
        }
    }
}

/// A machine that loads, or none: random conditions may be refused, which is no matter of this test.
fn loaded(machine: &Value) -> Option<Definition> {
    Some(load(&machine.to_string(), "machine").ok()?.machines.remove(0).definition)
}

/// `PROPTEST_CASES` asks for more. A counter-example becomes a case folder, not a file of seeds.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_text_makes_load_panic(text in any::<String>()) {
        load_and_look_at_all(&text);
    }

    #[test]
    fn no_bytes_make_load_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        load_and_look_at_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_text_of_the_languages_words_makes_load_panic(text in yaml_ish()) {
        load_and_look_at_all(&text);
    }

    #[test]
    fn no_template_or_project_makes_load_panic(value in embedding()) {
        load_and_look_at_all(&value.to_string());
        load_and_look_at_all(&serde_json::to_string_pretty(&value).expect("it is JSON"));
    }

    #[test]
    fn no_json_of_the_languages_words_makes_load_panic(machine in machine(), cut in any::<prop::sample::Index>(), other in value()) {
        let text = machine.to_string();
        load_and_look_at_all(&text);
        let at = text.floor_char_boundary(cut.index(text.len()));
        load_and_look_at_all(&text[..at]);
        load_and_look_at_all(&format!("{}{other}{}", &text[..at], &text[at..]));
    }

    /// After every event: an illegal one changes nothing, the serialised execution goes on exactly as the
    /// live one, a second execution with the same events does the same, and it waits for what it asked for.
    #[test]
    fn an_execution_is_a_value_that_events_change((machine, input) in machine_and_input(), throws in throws(), seed in any::<u64>(), most in 5..200_u64) {
        let definition = loaded(&machine);
        prop_assert!(definition.is_some(), "{machine}");
        let definition = definition.expect("it was checked");
        let mut start = run::start(Document::from(input));
        start.seed = seed;
        start.history_events_max = Some(most);
        let (mut live, mut again) = (Execution::new(start.clone()), Execution::new(start.clone()));
        let (mut at, mut open, mut history_id) = (start.at, Vec::new(), 0);
        for throw in throws {
            at += jiff::SignedDuration::from_secs(1);
            let chosen = match &throw {
                Throw::Fitting(_, _, which) | Throw::Replaced(_, which) if !open.is_empty() => Some(which.get(&open)),
                _ => open.last(),
            };
            let event = throw.event(chosen);
            let text = serde_json::to_string(&live).expect("an execution is JSON");
            let mut restored: Execution = serde_json::from_str(&text).expect("it was written just now");
            prop_assert_eq!(&restored, &live);
            let before = live.clone();
            let applied = live.apply(&definition, at, event.clone());
            let event_done = event.clone();
            // As text, in which 1 and 1.0, and one order of members and another, are not the same.
            let shown = format!("{applied:?}");
            prop_assert_eq!(format!("{:?}", restored.apply(&definition, at, event.clone())), &*shown);
            prop_assert_eq!(format!("{:?}", again.apply(&definition, at, event)), &*shown);
            prop_assert_eq!(&restored, &live);
            let Ok(Applied { effects, history, .. }) = applied else {
                prop_assert_eq!(&live, &before);
                continue;
            };
            for event in &history {
                history_id += 1;
                prop_assert_eq!(event.id, history_id);
                prop_assert!(event.previous_id < event.id);
            }
            let finished = matches!(effects.last(), Some(Effect::Finish(_)));
            prop_assert_eq!(finished, live.outcome().is_some());
            if let Some(done) = closed_by(&event_done) {
                open.retain(|effect| effect.id() != Some(done));
            }
            // That holds until the next event only.
            open.retain(|effect| *effect != Effect::Resume);
            for effect in effects {
                match effect {
                    Effect::Cancel { id } => open.retain(|effect| effect.id() != Some(id)),
                    effect => open.push(effect),
                }
            }
            let mut waits: Vec<_> = open.clone();
            waits.retain(|effect| !matches!(effect, Effect::Finish(_)));
            waits.sort_by_key(|effect| effect.id().map_or(u64::MAX, |id| id.0));
            prop_assert_eq!(live.open_effects(&definition), waits);
            prop_assert!(!finished || open.iter().all(|effect| effect.id().is_none()), "{open:?}");
        }
    }
}
