//! What is around an execution in a simulation: functions, and those who answer by tokens. All that they do
//! is a pure function of a seed and of what they are asked.

use jiff::SignedDuration;
use serde_json::Value;
use stepwell_engine::{Failure, Invocation};
use stepwell_query::Document;

use crate::random::{Random, mix};

/// Functions, and those who answer by tokens.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// All follows from it.
    pub seed: u64,
    /// Answers do not depend on the order of what happens side by side, and not every token is forgotten.
    pub steady: bool,
}

/// An answer of a function, or by a token.
pub type Answer = Result<Document, Failure>;

/// What is said by a token, and how long after the function got to know it.
pub type Said = (SignedDuration, Option<Answer>);

impl World {
    /// What a function answers to a call.
    pub fn answer(self, invocation: &Invocation) -> Answer {
        let percent = if token(&invocation.payload).is_some() { 10 } else { 30 };
        answer(&mut self.about(invocation, "answer"), percent)
    }

    /// How long a call takes.
    pub fn takes(self, invocation: &Invocation) -> SignedDuration {
        let mut random = self.about(invocation, "duration");
        let most = if random.percent(10) { 30_000 } else { 4_000 };
        milliseconds(random.below(most))
    }

    /// What is said by the token that a call hands on; nothing if it has none.
    pub fn says(self, invocation: &Invocation) -> Vec<Said> {
        if token(&invocation.payload).is_none() {
            return Vec::new();
        }
        let mut random = self.about(invocation, "token");
        let mut after = SignedDuration::ZERO;
        let heartbeats = random.below(4);
        let mut says: Vec<_> = (0..heartbeats)
            .map(|_| {
                after += milliseconds(random.below(6_000));
                (after, None)
            })
            .collect();
        let forgotten = !self.steady && random.percent(10);
        if !forgotten {
            after += milliseconds(random.below(8_000));
            says.push((after, Some(answer(&mut random, 25))));
        }
        says
    }

    /// What somebody says who answers a token at some moment; `None` is a heartbeat.
    pub fn says_now(self, random: &mut Random) -> Option<Answer> {
        (!random.percent(25)).then(|| answer(random, 25))
    }

    fn about(self, invocation: &Invocation, purpose: &str) -> Random {
        let Invocation { state, payload, request_id, attempt, .. } = invocation;
        if self.steady {
            let work = work(payload);
            return Random::of(mix(self.seed, purpose), &format!("{state} {attempt} {work}"));
        }
        Random::of(mix(self.seed, purpose), request_id)
    }
}

fn answer(random: &mut Random, percent_failed: u64) -> Answer {
    if random.percent(percent_failed) {
        let error = *random.pick(&["Busy", "Lost", "States.Timeout"]);
        return Err(Failure::new(error, "so it is"));
    }
    Ok(Document::from(Value::from(random.below(9))))
}

fn milliseconds(number: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(number).expect("it is small"))
}

/// What a call is for: its payload without the token, the same in each attempt.
pub fn work(payload: &Document) -> String {
    let mut payload = payload.value().clone();
    payload.as_object_mut().and_then(|members| members.remove("token"));
    payload.to_string()
}

/// The token that a call hands on.
pub fn token(payload: &Document) -> Option<&str> {
    payload.value()["token"].as_str()
}
