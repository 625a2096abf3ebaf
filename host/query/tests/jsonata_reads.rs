//! What an expression is given is cut to what it reads, and plain paths are looked up without the engine: neither
//! changes a result. Expressions and documents are drawn from a seed.

#[path = "support/drawn.rs"]
mod drawn;
mod support;

use std::collections::BTreeMap;

use drawn::Drawn;
use serde_json::Value;
use stepwell_query::Jsonata;
use support::{World, same};

const CASES: u64 = 20_000;

fn evaluate(text: &str, input: &Value) -> Result<Value, String> {
    let variables = BTreeMap::from([("all".to_owned(), input.clone())]);
    let world = World { input: input.clone(), variables, ..World::default() };
    let expression = Jsonata::parse(text).map_err(|error| error.code)?;
    let value = expression.evaluate(&world).map_err(|error| error.to_string())?;
    Ok(value.into_owned())
}

/// An expression after one that comes to nothing. In brackets, for those unwrap a sequence once more.
fn after(first: &str, text: &str) -> String {
    format!("({first}; ({text}))")
}

/// Where everything is read, nothing is cut.
const READS_ALL: &str = "$string([$states, $all])";
const READS_NOTHING: &str = "1";

#[test]
fn what_is_not_read_changes_nothing() {
    let (mut values, mut paths) = (0, 0);
    for seed in 0..CASES {
        let root = if seed % 2 == 0 { "$states.input." } else { "$all." };
        let mut draw = Drawn::rooted(seed, root);
        let input = draw.document(3);
        let (text, alone) = if seed % 3 == 0 {
            // A plain path, which is one only by itself.
            paths += 1;
            let names: Vec<_> = (0..=draw.below(3)).map(|_| draw.member()).collect();
            let path = format!("{root}{}", names.join("."));
            (path.clone(), path)
        } else {
            let text = draw.expression(3);
            (after(READS_NOTHING, &text), text)
        };
        let (cut, whole) = (evaluate(&text, &input), evaluate(&after(READS_ALL, &alone), &input));
        let equal = match (&cut, &whole) {
            (Ok(cut), Ok(whole)) => same(cut, whole),
            (Err(cut), Err(whole)) => cut == whole,
            _ => false,
        };
        assert!(equal, "seed {seed}: {text}\non {input}\ncut: {cut:?}\nwhole: {whole:?}");
        values += u64::from(cut.is_ok());
    }
    assert!(values > CASES / 4, "{values} of {CASES} have a value, {paths} are plain paths");
}
