//! What AWS adds to JSONata's functions, and takes away (`facts/asl.md` 3).

use std::collections::BTreeSet;
use std::sync::Mutex;

use jlens_core::{Bindings, Error, HostFunction};
use serde_json::{Value, json};

use super::LIMITS;
use super::jlens::number;
use crate::intrinsic::{JavaRandom, digest};
use crate::{Scope, format_uuid, random_uuid};

/// The functions of AWS that an expression names.
#[derive(Debug, Default)]
pub(super) struct Functions {
    /// Those that are the same at any time.
    fixed: Bindings,
    random: bool,
    uuid: bool,
    /// Whether anything in the expression depends on chance.
    pub(super) draws: bool,
}

impl Functions {
    /// The functions among these names.
    pub(super) fn of(names: &BTreeSet<String>) -> Self {
        let mut fixed = Bindings::new();
        for name in names {
            fixed = match name.as_str() {
                "partition" => fixed.function("partition", signed("<an:a>", partition)),
                "range" => fixed.function("range", signed("<nnn:x>", range)),
                "hash" => fixed.function("hash", signed("<xs?:s>", hash)),
                "parse" => fixed.function("parse", signed("<s-:x>", parse)),
                // Disabled: no function stands under the name.
                "eval" => fixed.var("eval", Value::Null),
                _ => fixed,
            };
        }
        let [random, uuid] = ["random", "uuid"].map(|name| names.contains(name));
        Self { fixed, random, uuid, draws: random || names.contains("shuffle") }
    }

    /// The functions for one evaluation, beside others.
    pub(super) fn bindings(&self, others: Bindings, scope: &dyn Scope) -> Bindings {
        let mut bindings = if others.functions().next().is_none() {
            self.fixed.clone()
        } else {
            let fixed = self.fixed.functions().map(|(name, call)| (name, call.clone()));
            let both = fixed.fold(others, |both, (name, call)| both.function(name, call));
            let values = self.fixed.iter().map(|(name, value)| (name, value.clone()));
            values.fold(both, |both, (name, value)| both.var(name, value))
        };
        if self.random {
            let draws = Mutex::new(Draws(scope.draw()));
            let random = move |arguments: &[Option<Value>]| Ok(Some(random(arguments, &draws)));
            bindings = bindings.function("random", signed("<n?:n>", random));
        }
        if self.uuid {
            let draws = Mutex::new(Draws(scope.draw()));
            let uuid = move |_: &[Option<Value>]| {
                let mut draws = draws.lock().expect("drawing does not panic");
                Ok(Some(json!(format_uuid(random_uuid([draws.next(), draws.next()])))))
            };
            bindings = bindings.function("uuid", signed("<:s>", uuid));
        }
        bindings
    }
}

fn signed(
    signature: &str,
    call: impl Fn(&[Option<Value>]) -> Result<Option<Value>, Error> + Send + Sync + 'static,
) -> HostFunction {
    HostFunction::with_signature(signature, move |arguments, _| call(arguments))
        .expect("the signature is one")
        .without_input()
}

/// An argument that cannot be worked with. The code is that of `$error`, whose message is its own.
fn refused(message: impl Into<String>) -> Error {
    Error::new("D3137").with("message", message.into())
}

/// Numbers that are drawn one after the other from a first one (`SplitMix64`).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// `$random(seed?)`: from 0 to below 1; with a seed, the first number of `java.util.Random`.
#[expect(clippy::cast_possible_truncation, reason = "a number beyond all seeds is the nearest one")]
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a number")]
fn random(arguments: &[Option<Value>], draws: &Mutex<Draws>) -> Value {
    let seed = arguments.first().and_then(|seed| seed.as_ref()?.as_f64());
    if let Some(seed) = seed {
        return json!(JavaRandom::new(seed.floor() as i64).unit());
    }
    let bits = draws.lock().expect("drawing does not panic").next() >> 11;
    json!(bits as f64 / (1_u64 << 53) as f64)
}

/// `$partition(array, size)`: the array in pieces.
fn partition(arguments: &[Option<Value>]) -> Result<Option<Value>, Error> {
    let (Some(Value::Array(items)), Some(size)) = (&arguments[0], whole(arguments, 1)) else {
        return Ok(None);
    };
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| refused("The size of a partition must be a positive integer"))?;
    Ok(Some(Value::Array(items.chunks(size).map(|piece| json!(piece)).collect())))
}

/// `$range(first, last, step)`: a sequence, which is its item when it has but one, and nothing without any.
#[expect(clippy::cast_precision_loss, reason = "the numbers came as such")]
fn range(arguments: &[Option<Value>]) -> Result<Option<Value>, Error> {
    let [Some(first), Some(last), Some(step)] = [0, 1, 2].map(|index| whole(arguments, index))
    else {
        return Ok(None);
    };
    if step == 0 {
        return Err(refused("The step of a range must not be 0"));
    }
    let length = (last.saturating_sub(first)) / step;
    if (last < first) == (step > 0) && last != first {
        return Ok(None);
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length >= LIMITS.array_items {
        return Err(Error::new("U1001").with("message", "The range is too long"));
    }
    let length = i64::try_from(length).expect("it was compared with a smaller number");
    let mut items: Vec<_> =
        (0..=length).map(|index| Value::Number(number((first + index * step) as f64))).collect();
    Ok(Some(if items.len() == 1 { items.remove(0) } else { Value::Array(items) }))
}

/// `$hash(data, algorithm)`: lowercase hexadecimal digits.
fn hash(arguments: &[Option<Value>]) -> Result<Option<Value>, Error> {
    let Some(data) = &arguments[0] else { return Ok(None) };
    let Some(Value::String(algorithm)) = &arguments[1] else {
        return Err(refused("A hash needs the name of an algorithm"));
    };
    let digest = match data {
        Value::String(text) => digest(text, algorithm),
        other => digest(&other.to_string(), algorithm),
    };
    digest.map(|digest| Some(Value::String(digest))).map_err(refused)
}

/// `$parse(text)`: the JSON in it.
fn parse(arguments: &[Option<Value>]) -> Result<Option<Value>, Error> {
    let Some(Value::String(text)) = &arguments[0] else { return Ok(None) };
    let parsed = serde_json::from_str(text);
    parsed.map(Some).map_err(|error| refused(format!("The text is no JSON: {error}")))
}

/// An argument as a whole number: functions that want one take the next below (`facts/asl.md` 3).
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number beyond all others is the nearest one"
)]
fn whole(arguments: &[Option<Value>], index: usize) -> Option<i64> {
    arguments.get(index)?.as_ref()?.as_f64().map(|number| number.floor() as i64)
}
