//! Guards around functions of the engine's library that would take too long without looking up: their time
//! grows with the square of what they work on, and nothing can end them. An expression that names one is
//! compiled with a definition of the same name before it, which first finds out how much there is to do, in
//! steps that count.

use std::collections::BTreeSet;

use jlens_core::{Bindings, Error, HostFunction};
use serde_json::{Value, json};

/// What the names of guards begin with. No variable of a workflow is bound under such a name.
pub(super) const PREFIX: &str = "stepwell_guard_";

/// Items of which the square is a second's work.
const ITEMS_MAX: usize = 20_000;

/// Characters times finds of a regular expression among them, which are a second's work.
const CHARACTERS_TIMES_FINDS_MAX: usize = 300_000_000;

/// Strings that are so short that finding anything in them is no matter.
const SHORT_BYTES: usize = 16_384;

/// The library's functions, each with its parameters, its signature and the guard that lets a call pass.
const GUARDS: [(&str, &str, &str, &str); 5] = [
    ("distinct", "$a", "<x:x>", FEW),
    ("keys", "$a", "<x-:a<s>>", FEW),
    ("match", "$a, $b, $c", "<s-f<s:o>n?:a<o>>", FINDS),
    ("split", "$a, $b, $c", "<s-(sf)n?:a<s>>", FINDS),
    ("replace", "$a, $b, $c, $d", "<s-(sf)(sf)n?:s>", FINDS),
];

const FEW: &str = "$stepwell_guard_few($a)";

/// Each find is a step.
const FINDS: &str = "($max := $stepwell_guard_finds($a, $b); \
    $walk := function($m, $n){ $m ? ($n > $max ? $stepwell_guard_stop() : $walk($m.next(), $n + 1)) : true }; \
    $max = 0 or $walk($b($a), 0))";

/// The names that have guards.
pub(super) fn guarded(names: &BTreeSet<String>) -> Vec<&'static str> {
    let named = GUARDS.iter().filter(|(name, ..)| names.contains(*name));
    named.map(|(name, ..)| *name).collect()
}

/// The text with guards before it.
pub(super) fn guard(text: &str, guarded: &[&'static str]) -> String {
    let of = |(name, parameters, signature, guard): &(&str, &str, &str, &str)| {
        format!(
            "$stepwell_guard_{name} := ${name}; \
             ${name} := function({parameters}){signature}{{ {guard} ? $stepwell_guard_{name}({parameters}) : null }}; "
        )
    };
    let named = GUARDS.iter().filter(|(name, ..)| guarded.contains(name));
    let guards: String = named.map(of).collect();
    format!("({guards}\n{text}\n)")
}

/// What the guards call.
pub(super) fn bindings() -> Bindings {
    let few = HostFunction::new(1, |arguments, _| match arguments.first() {
        Some(Some(value)) if items(value) > ITEMS_MAX => Err(too_long()),
        _ => Ok(Some(json!(true))),
    });
    let finds = HostFunction::new(2, |arguments, call| {
        let Some(Some(Value::String(text))) = arguments.first() else { return Ok(Some(json!(0))) };
        let most = match call.function(1) {
            Some(_) if text.len() > SHORT_BYTES => CHARACTERS_TIMES_FINDS_MAX / text.len(),
            _ => 0,
        };
        Ok(Some(json!(most)))
    });
    let stop = HostFunction::new(0, |_, _| Err(too_long()));
    Bindings::new()
        .function(format!("{PREFIX}few"), few.without_input())
        .function(format!("{PREFIX}finds"), finds.without_input())
        .function(format!("{PREFIX}stop"), stop.without_input())
}

/// How many things there are to compare with each other.
fn items(value: &Value) -> usize {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().map(|item| item.as_object().map_or(1, serde_json::Map::len).max(1)).sum()
        }
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 1,
    }
}

/// As when the steps are used up.
fn too_long() -> Error {
    Error::new("U1006")
}
