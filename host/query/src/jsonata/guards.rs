//! Guards around functions of the engine's library that would take too long without looking up: their time
//! grows with the square of what they work on, and nothing can end them. An expression that names one is
//! compiled with a definition of the same name before it, which first finds out how much there is to do, in
//! steps that count.
//!
//! Ranges need a guard of another kind: the library makes one before it looks how long it is. Their bounds go
//! through functions that compare them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jlens_core::ast::BinaryOp;
use jlens_core::{Bindings, Error, Expression, HostFunction, Node, NodeKind};
use serde_json::{Value, json};

use super::LIMITS;

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
    let guards = GUARDS.iter().filter(|(name, ..)| names.contains(*name));
    guards.map(|(name, ..)| *name).collect()
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

/// The text with guards around the bounds of its ranges, if it has any that might be too long.
pub(super) fn guard_ranges(text: &str, expression: &Expression) -> Option<String> {
    let mut pieces: Vec<(usize, String)> = Vec::new();
    expression.ast().root.walk(&mut |node| {
        let NodeKind::Binary { op: BinaryOp::Range, lhs, rhs } = &node.kind else { return };
        if is_short(lhs, rhs) {
            return;
        }
        for (bound, name) in [(lhs, "from"), (rhs, "to")] {
            pieces.push((bound.span.start, format!("${PREFIX}{name}(")));
            pieces.push((bound.span.end, ")".to_owned()));
        }
    });
    if pieces.is_empty() {
        return None;
    }
    // Where one ends and another begins, and where one stands in another, what closes comes first.
    pieces.sort_by_key(|(at, piece)| (*at, piece != ")"));
    let mut guarded = String::with_capacity(text.len() + pieces.len() * 24);
    let mut copied = 0;
    for (at, piece) in pieces {
        guarded.push_str(&text[copied..at]);
        guarded.push_str(&piece);
        copied = at;
    }
    guarded.push_str(&text[copied..]);
    Some(guarded)
}

/// Whether the bounds are numbers in the text, near enough to each other.
fn is_short(from: &Node, to: &Node) -> bool {
    let literal = |node: &Node| match node.kind {
        NodeKind::Number { value } => Some(value),
        _ => None,
    };
    matches!((literal(from), literal(to)), (Some(from), Some(to)) if !is_too_long(from, to))
}

#[expect(clippy::cast_precision_loss, reason = "the limit is far below 2^53")]
fn is_too_long(from: f64, to: f64) -> bool {
    to - from >= LIMITS.array_items as f64
}

/// What guards of ranges call, for one evaluation. A range's first bound is evaluated before its second, and
/// other ranges stand within one of them, so the first bounds that still wait are a stack.
pub(super) fn range_bindings(bindings: Bindings) -> Bindings {
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let pushed = waiting.clone();
    let from = HostFunction::new(1, move |arguments, _| {
        let bound = arguments.first().cloned().flatten();
        let number = bound.as_ref().and_then(Value::as_f64);
        pushed.lock().expect("pushing does not panic").push(number);
        Ok(bound)
    });
    let to = HostFunction::new(1, move |arguments, _| {
        let bound = arguments.first().cloned().flatten();
        let from = waiting.lock().expect("popping does not panic").pop().flatten();
        match (from, bound.as_ref().and_then(Value::as_f64)) {
            (Some(from), Some(to)) if is_too_long(from, to) => {
                Err(Error::new("U1001").with("message", "The range is too long"))
            }
            _ => Ok(bound),
        }
    });
    bindings
        .function(format!("{PREFIX}from"), from.without_input())
        .function(format!("{PREFIX}to"), to.without_input())
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
