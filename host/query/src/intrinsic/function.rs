//! The names of the functions, how many arguments each takes, and which code runs for it.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::texts::Pattern;
use super::{Budget, Given, Trouble, arrays, encodings, numbers, texts};

/// What every function's name begins with.
pub(super) const PREFIX: &str = "States.";

macro_rules! functions {
    ($($function:ident $name:literal $arity:expr),* $(,)?) => {
        /// An intrinsic function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($function),* }

        impl Function {
            pub(super) const ALL: &'static [Self] = &[$(Self::$function),*];

            /// The name as it is written: `States.Format`.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$function => concat!("States.", $name)),* }
            }

            /// How many arguments it takes.
            pub(super) fn arity(self) -> RangeInclusive<usize> {
                match self { $(Self::$function => $arity),* }
            }
        }
    };
}

functions! {
    Array "Array" 0..=usize::MAX,
    ArrayContains "ArrayContains" 2..=2,
    ArrayGetItem "ArrayGetItem" 2..=2,
    ArrayLength "ArrayLength" 1..=1,
    ArrayPartition "ArrayPartition" 2..=2,
    ArrayRange "ArrayRange" 3..=3,
    ArrayUnique "ArrayUnique" 1..=1,
    Base64Decode "Base64Decode" 1..=1,
    Base64Encode "Base64Encode" 1..=1,
    Format "Format" 1..=usize::MAX,
    Hash "Hash" 2..=2,
    JsonMerge "JsonMerge" 3..=3,
    JsonToString "JsonToString" 1..=1,
    MathAdd "MathAdd" 2..=2,
    MathRandom "MathRandom" 2..=3,
    StringSplit "StringSplit" 2..=2,
    StringToJson "StringToJson" 1..=1,
    Uuid "UUID" 0..=0,
}

/// Applies a function to as many arguments as it takes.
pub(super) fn apply(
    function: Function,
    arguments: Vec<Given<'_>>,
    budget: &mut Budget,
    draw: &dyn Fn() -> u64,
) -> Result<Value, Trouble> {
    let mut pattern = None;
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument {
            Given::Value(value) => values.push(value),
            Given::Pattern(literal) => pattern = Some(literal),
        }
    }
    match (function, values.as_mut_slice()) {
        (Function::Array, _) => arrays::array(budget, values),
        (Function::ArrayContains, [array, value]) => arrays::contains(array, value),
        (Function::ArrayGetItem, [array, index]) => arrays::get_item(budget, array, index),
        (Function::ArrayLength, [array]) => arrays::length(array),
        (Function::ArrayPartition, [array, size]) => {
            arrays::partition(budget, std::mem::take(array), size)
        }
        (Function::ArrayRange, [first, last, step]) => arrays::range(first, last, step),
        (Function::ArrayUnique, [array]) => arrays::unique(budget, std::mem::take(array)),
        (Function::Base64Decode, [text]) => encodings::base64_decode(budget, text),
        (Function::Base64Encode, [text]) => encodings::base64_encode(budget, text),
        (Function::Format, values) => match (pattern, values) {
            (Some(pattern), values) => texts::format(budget, pattern, values),
            (None, [template, values @ ..]) => {
                texts::format(budget, &Pattern::of_value(template)?, values)
            }
            (None, []) => unreachable!("the parser checked the number of arguments"),
        },
        (Function::Hash, [data, algorithm]) => encodings::hash(budget, data, algorithm),
        (Function::JsonMerge, [first, second, deep]) => {
            texts::json_merge(budget, std::mem::take(first), std::mem::take(second), deep)
        }
        (Function::JsonToString, [value]) => texts::json_to_string(budget, value),
        (Function::MathAdd, [first, second]) => numbers::add(first, second),
        (Function::MathRandom, [start, end, seed @ ..]) => {
            numbers::random(start, end, seed.first().map(|seed| &**seed), draw)
        }
        (Function::StringSplit, [text, separators]) => texts::split(budget, text, separators),
        (Function::StringToJson, [text]) => texts::string_to_json(budget, text),
        (Function::Uuid, []) => {
            budget.text(crate::format_uuid(crate::random_uuid([draw(), draw()])))
        }
        _ => unreachable!("the parser checked the number of arguments"),
    }
}
