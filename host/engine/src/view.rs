//! An execution as others see it: what it waits for, and where its branches are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use stepwell_asl::{Definition, Name, StateKind};
use stepwell_query::Document;

use crate::branch::{Branch, Waiting};
use crate::effect::{Effect, EffectId, Purpose};
use crate::execution::{Execution, Running, Status};

/// Where a branch is.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The state it is in, or is about to enter.
    pub state: Name,
    /// The state with those around it, such as `Import[3] > Fetch`: the item of a Map or the branch of a
    /// Parallel, from 0.
    pub path: String,
    /// The state's raw input.
    pub input: Document,
    /// The variables that it sees, in the order of their names.
    pub variables: Vec<(Name, Document)>,
    /// What it waits for. Empty where others run below it, and where it has its turn next.
    pub effects: Vec<EffectId>,
    /// When the state was entered.
    pub entered_at: Timestamp,
}

impl Execution {
    /// Everything that it has asked for and still waits for, in the order in which it was asked for.
    ///
    /// Whoever takes up an execution from a snapshot does these again: a function gets the same request id.
    pub fn open_effects(&self, definition: &Definition) -> Vec<Effect> {
        let Status::Running(running) = &self.status else { return Vec::new() };
        let mut effects = Vec::new();
        if let Some(timer) = running.timeout {
            let purpose = Purpose::Timeout;
            effects.push((timer.id, Effect::SetTimer { id: timer.id, at: timer.at, purpose }));
        }
        for branch in running.branches.values() {
            let state = &definition.state(branch.state).name;
            match &branch.waiting {
                Waiting::Turn | Waiting::Fork(_) => {}
                Waiting::Retry(timer) | Waiting::Time(timer) => {
                    let purpose = Purpose::Wait { state: state.clone() };
                    let effect = Effect::SetTimer { id: timer.id, at: timer.at, purpose };
                    effects.push((timer.id, effect));
                }
                Waiting::Call(call) => {
                    let token = call.token.as_ref();
                    let timeout = call.timeout.map(|timer| (timer, Purpose::Timeout));
                    let heartbeat = token.and_then(|token| {
                        Some((token.heartbeat?, Purpose::Heartbeat { token: token.open.id }))
                    });
                    effects.extend(timeout.into_iter().chain(heartbeat).map(|(timer, purpose)| {
                        (timer.id, Effect::SetTimer { id: timer.id, at: timer.at, purpose })
                    }));
                    let open = call.open_token();
                    effects.extend(open.map(|open| (open.id, Effect::OpenToken(open.clone()))));
                    let invocation = call.invocation.as_ref();
                    effects.extend(
                        invocation
                            .map(|invocation| (invocation.id, Effect::Invoke(invocation.clone()))),
                    );
                }
            }
        }
        effects.sort_by_key(|(id, _)| *id);
        let resume = (!running.ready.is_empty()).then_some(Effect::Resume);
        effects.into_iter().map(|(_, effect)| effect).chain(resume).collect()
    }

    /// When the machine's `TimeoutSeconds` ends it, if ever.
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Running(running) => running.timeout.map(|timer| timer.at),
            Status::Ready | Status::Ended(_) => None,
        }
    }

    /// The `TimeoutSeconds` of the functions under way, by the timers that are set for them.
    ///
    /// A function that is invoked again, because whoever ran it is gone, has its whole time again. The time of
    /// a task that waits for its token goes on.
    pub fn time_limits(&self) -> BTreeMap<EffectId, i64> {
        let Status::Running(running) = &self.status else { return BTreeMap::new() };
        let limits = running.branches.values().filter_map(|branch| match &branch.waiting {
            Waiting::Call(call) if call.invocation.is_some() && call.token.is_none() => {
                Some((call.timeout?.id, call.timeout_seconds?))
            }
            _ => None,
        });
        limits.collect()
    }

    /// Where its open branches are, an outer one before those below it. None once it has ended.
    pub fn views(&self, definition: &Definition) -> Vec<View> {
        let Status::Running(running) = &self.status else { return Vec::new() };
        let views = running.branches.values().map(|branch| View {
            state: definition.state(branch.state).name.clone(),
            path: path(running, definition, branch),
            input: branch.input.clone(),
            variables: variables(running, branch),
            effects: branch.effects().collect(),
            entered_at: branch.entered_at,
        });
        views.collect()
    }
}

/// A branch and those around it, from the nearest on.
fn outwards<'r>(running: &'r Running, branch: &'r Branch) -> impl Iterator<Item = &'r Branch> {
    std::iter::successors(Some(branch), |branch| {
        branch.parent.and_then(|(parent, _)| running.branches.get(&parent))
    })
}

fn path(running: &Running, definition: &Definition, branch: &Branch) -> String {
    let mut path = definition.state(branch.state).name.to_string();
    for inner in outwards(running, branch) {
        let Some((parent, index)) = inner.parent else { break };
        let Some(parent) = running.branches.get(&parent) else { break };
        let state = definition.state(parent.state);
        debug_assert!(matches!(state.kind, StateKind::Parallel(_) | StateKind::Map(_)));
        path = format!("{}[{index}] > {path}", state.name);
    }
    path
}

fn variables(running: &Running, branch: &Branch) -> Vec<(Name, Document)> {
    let mut visible = BTreeMap::new();
    for around in outwards(running, branch).take_while(|around| around.child == branch.child) {
        for (name, value) in &around.variables {
            visible.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    visible.into_iter().collect()
}
