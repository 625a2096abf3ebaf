//! What an execution did: a history laid over a graph.
//!
//! Every event stands within an entry: one time that a state was entered and, perhaps, left. Which one
//! follows from the event before it (`previousEventId`). What no event says stays unmarked; an event of
//! a type that is not known stands where the one before it stands.

use std::collections::BTreeMap;
use std::fmt;

use stepwell_asl::StateType;

use crate::history::{Event, History};
use crate::model::{EdgeId, EdgeKind, Graph, NodeId, NodeKind};

/// The path of an execution through a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// How the execution ended.
    pub outcome: Outcome,
    /// What happened in each state that was entered.
    pub nodes: BTreeMap<NodeId, Mark>,
    /// How often each edge was taken, if at all.
    pub edges: BTreeMap<EdgeId, u64>,
    /// Whether AWS has more of the history than was given.
    pub is_cut: bool,
}

/// How an execution ended, or that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is AWS's status of that name")]
pub enum Outcome {
    Running,
    Succeeded,
    Failed,
    Aborted,
    TimedOut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::TimedOut => "timed out",
        })
    }
}

/// What happened in a state, over all the times that it was entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// How often it was entered.
    pub entered: u64,
    /// How often its failure was caught, so that the machine went on.
    pub caught: u64,
    /// How often it failed and was not caught.
    pub failed: u64,
    /// How often it was retried.
    pub retried: u64,
    /// How often it was stopped because something beside it failed.
    pub aborted: u64,
    /// How often the execution ended, or the history does, while it was at work.
    pub stopped: u64,
    /// A Map's iterations that began.
    pub iterations: u64,
    /// Of these, those that failed.
    pub iterations_failed: u64,
    /// Of these, those that were stopped because another failed.
    pub iterations_aborted: u64,
    /// Items of Maps whose iterations are executions of their own.
    pub items: u64,
}

/// Why a history says nothing about a machine: it is another machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherMachine {
    /// The event that does not fit.
    pub event: u64,
    /// The state that it names.
    pub state: String,
    /// Its type in the history and, if the machine has a state of that name, in the machine.
    types: (String, Option<StateType>),
}

impl fmt::Display for OtherMachine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, event, there) = (&self.state, self.event, &self.types.0);
        match self.types.1 {
            None => write!(formatter, "event {event} enters `{state}`, which is no state of it"),
            Some(here) => write!(
                formatter,
                "event {event} enters `{state}` as a state of type {there}, and here it is a {here}"
            ),
        }
    }
}

impl std::error::Error for OtherMachine {}

impl Path {
    /// Lays a history over a graph. It must be one of that machine, or of an earlier version with the
    /// same states: an edge that is no longer there is passed over.
    pub fn of(graph: &Graph, history: &History) -> Result<Self, OtherMachine> {
        let mut walk = Walk::new(graph);
        for event in &history.events {
            walk.take(event)?;
        }
        Ok(walk.finish(history.is_cut))
    }
}

/// One time that a state was entered.
struct Entry {
    node: NodeId,
    /// The entry of the Map or Parallel around it.
    within: Option<usize>,
    /// The attempt of that one that it belongs to.
    attempt_within: u64,
    /// Attempts so far: calls that were scheduled, or times that a Map or Parallel began.
    attempts: u64,
    state: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Open,
    Failed,
    Left,
}

/// What is known of an event once it was taken.
#[derive(Clone, Copy)]
struct Taken {
    /// The entry that is at work after it.
    within: Option<usize>,
    /// The entry that it left, and whether by a catcher.
    left: Option<(usize, bool)>,
    /// Whether it says that an attempt has failed.
    failure: bool,
}

struct Walk<'g> {
    graph: &'g Graph,
    outcome: Outcome,
    entries: Vec<Entry>,
    taken: BTreeMap<u64, Taken>,
    /// The last entry of each state.
    latest: BTreeMap<NodeId, usize>,
    marks: BTreeMap<NodeId, Mark>,
    edges: BTreeMap<EdgeId, u64>,
}

impl<'g> Walk<'g> {
    fn new(graph: &'g Graph) -> Self {
        Self {
            graph,
            outcome: Outcome::Running,
            entries: Vec::new(),
            taken: BTreeMap::new(),
            latest: BTreeMap::new(),
            marks: BTreeMap::new(),
            edges: BTreeMap::new(),
        }
    }

    fn take(&mut self, event: &Event) -> Result<(), OtherMachine> {
        let before = self.taken.get(&event.previous_id).copied();
        let within = before.and_then(|before| before.within);
        let stays = Taken { within, left: None, failure: is_failure(&event.event_type) };
        let taken = if let Some(there) = event.event_type.strip_suffix("StateEntered") {
            self.enter(event, there, before)?
        } else if event.event_type.ends_with("StateExited") {
            self.leave(event, before)
        } else if let Some(what) = event.event_type.strip_prefix("MapIteration") {
            self.iterate(event, what, within)
        } else if let Some(what) = event.event_type.strip_prefix("Execution") {
            self.turn(what, within);
            stays
        } else if let Some(rest) = event.event_type.strip_prefix("MapState") {
            self.progress(event, StateType::Map, rest, within)
        } else if let Some(rest) = event.event_type.strip_prefix("ParallelState") {
            self.progress(event, StateType::Parallel, rest, within)
        } else if event.event_type == "EvaluationFailed" {
            // The event before it may be the one before its state was entered.
            Taken { within: self.named(event, within).or(within), ..stays }
        } else {
            if event.event_type.ends_with("Scheduled")
                && let Some(entry) = within
            {
                self.begin_attempt(entry);
            }
            stays
        };
        self.taken.insert(event.id, taken);
        Ok(())
    }

    fn enter(
        &mut self,
        event: &Event,
        there: &str,
        before: Option<Taken>,
    ) -> Result<Taken, OtherMachine> {
        let name = event.name.as_deref().unwrap_or_default();
        let node = self.graph.state(name);
        let here = node.and_then(|node| self.graph.node(node).state_type());
        let node = match (node, here) {
            (Some(node), Some(here)) if here.to_string() == there => node,
            _ => {
                let types = (there.to_owned(), here);
                return Err(OtherMachine { event: event.id, state: name.to_owned(), types });
            }
        };
        let around = self.graph.around(node);
        let within = around.and_then(|around| {
            self.outward(before.and_then(|before| before.within), |node| node == around)
                .or_else(|| self.latest.get(&around).copied())
        });
        let attempt_within = within.map_or(0, |within| self.entries[within].attempts);
        let state = match here {
            Some(StateType::Fail) => Progress::Failed,
            _ => Progress::Open,
        };
        let entry = self.entries.len();
        self.entries.push(Entry { node, within, attempt_within, attempts: 0, state });
        self.latest.insert(node, entry);
        let mark = self.marks.entry(node).or_default();
        mark.entered += 1;
        mark.failed += u64::from(state == Progress::Failed);
        self.follow(before, node);
        Ok(Taken { within: Some(entry), left: None, failure: state == Progress::Failed })
    }

    /// Counts the edge by which a state was entered.
    fn follow(&mut self, before: Option<Taken>, to: NodeId) {
        let area = self.graph.node(to).area;
        let left = before
            .and_then(|before| before.left)
            .map(|(entry, caught)| (self.entries[entry].node, caught));
        match left.filter(|(from, _)| self.graph.node(*from).area == area) {
            Some((from, true)) => {
                self.count(from, to, &[EdgeKind::Catch, EdgeKind::Next]);
            }
            Some((from, false)) => {
                self.count(from, to, &[EdgeKind::Next, EdgeKind::Choice, EdgeKind::Catch]);
            }
            None => {
                let start = self.graph.area(area).nodes[0];
                self.count(start, to, &[EdgeKind::Start]);
            }
        }
    }

    /// Counts the first of these edges that is there.
    fn count(&mut self, from: NodeId, to: NodeId, kinds: &[EdgeKind]) {
        let edge = kinds.iter().find_map(|kind| self.graph.between(from, to, *kind));
        if let Some(edge) = edge {
            *self.edges.entry(edge).or_default() += 1;
        }
    }

    fn leave(&mut self, event: &Event, before: Option<Taken>) -> Taken {
        let within = before.and_then(|before| before.within);
        let failed = before.is_some_and(|before| before.failure);
        let entry = self.named(event, within);
        let Some(entry) = entry else {
            return Taken { within, left: None, failure: false };
        };
        // Of a Map or Parallel, the event before may be one of a state within; then nothing was caught.
        let caught =
            failed && (within == Some(entry) || self.entries[entry].state == Progress::Failed);
        let node = self.entries[entry].node;
        let mark = self.marks.entry(node).or_default();
        // Its failure was noted as one that ends it. It was caught, or the execution was redriven.
        mark.failed -= u64::from(self.entries[entry].state == Progress::Failed);
        if caught {
            mark.caught += 1;
        } else if let Some(end) = self.end_of(node) {
            self.count(node, end, &[EdgeKind::End]);
        }
        self.entries[entry].state = Progress::Left;
        Taken { within: self.entries[entry].within, left: Some((entry, caught)), failure: false }
    }

    fn end_of(&self, node: NodeId) -> Option<NodeId> {
        let last = *self.graph.area(self.graph.node(node).area).nodes.last()?;
        (self.graph.node(last).kind == NodeKind::End).then_some(last)
    }

    fn iterate(&mut self, event: &Event, what: &str, within: Option<usize>) -> Taken {
        let map = self.named(event, within);
        if let Some(map) = map {
            let node = self.entries[map].node;
            let mark = self.marks.entry(node).or_default();
            match what {
                "Started" => mark.iterations += 1,
                "Failed" => {
                    mark.iterations_failed += 1;
                    self.fail_within(map, within);
                }
                "Aborted" => mark.iterations_aborted += 1,
                _ => {}
            }
        }
        Taken { within: map.or(within), left: None, failure: false }
    }

    /// `MapState…` and `ParallelState…`, but for entering and leaving.
    fn progress(
        &mut self,
        event: &Event,
        state_type: StateType,
        what: &str,
        within: Option<usize>,
    ) -> Taken {
        let graph = self.graph;
        let entry = self.outward(within, |node| graph.node(node).state_type() == Some(state_type));
        let failure = what == "Failed";
        let Some(entry) = entry else { return Taken { within, left: None, failure } };
        match what {
            "Started" => {
                self.fail_within(entry, within);
                self.begin_attempt(entry);
                let node = self.entries[entry].node;
                self.marks.entry(node).or_default().items += event.length.unwrap_or_default();
            }
            "Failed" => {
                self.fail_within(entry, within);
                self.fail(entry);
            }
            _ => {}
        }
        Taken { within: Some(entry), left: None, failure }
    }

    /// The execution as a whole.
    fn turn(&mut self, what: &str, within: Option<usize>) {
        self.outcome = match what {
            "Succeeded" => Outcome::Succeeded,
            "Failed" => Outcome::Failed,
            "Aborted" => Outcome::Aborted,
            "TimedOut" => Outcome::TimedOut,
            // Started, or redriven: it goes on.
            _ => Outcome::Running,
        };
        if let (Outcome::Failed, Some(within)) = (self.outcome, within) {
            self.fail(within);
        }
    }

    fn begin_attempt(&mut self, entry: usize) {
        let Entry { node, attempts, .. } = &mut self.entries[entry];
        *attempts += 1;
        self.marks.entry(*node).or_default().retried += u64::from(*attempts > 1);
    }

    /// A failure reached an entry from one within it, which has failed for good.
    fn fail_within(&mut self, entry: usize, within: Option<usize>) {
        if let Some(inner) = within.filter(|inner| *inner != entry) {
            self.fail(inner);
        }
    }

    fn fail(&mut self, entry: usize) {
        let Entry { node, state, .. } = &mut self.entries[entry];
        if *state == Progress::Open {
            *state = Progress::Failed;
            self.marks.entry(*node).or_default().failed += 1;
        }
    }

    /// The entry of the state that an event names: from there outwards, or else the last one.
    fn named(&self, event: &Event, from: Option<usize>) -> Option<usize> {
        let named = self.graph.state(event.name.as_deref()?)?;
        let outward = self.outward(from, |node| node == named);
        outward.or_else(|| self.latest.get(&named).copied())
    }

    /// The first entry from there outwards that has not been left and is one of these.
    fn outward(&self, from: Option<usize>, is: impl Fn(NodeId) -> bool) -> Option<usize> {
        let outward = std::iter::successors(from, |entry| self.entries[*entry].within);
        let mut open = outward.filter(|entry| self.entries[*entry].state != Progress::Left);
        open.find(|entry| is(self.entries[*entry].node))
    }

    fn finish(mut self, is_cut: bool) -> Path {
        // What was at work when the one around it failed, began anew or was left did not get further.
        let mut ended: Vec<bool> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let beside = entry.within.is_some_and(|within| {
                let around = &self.entries[within];
                ended[within]
                    || around.state != Progress::Open
                    || around.attempts > entry.attempt_within
            });
            ended.push(beside);
            if entry.state == Progress::Open {
                let mark = self.marks.entry(entry.node).or_default();
                if beside || matches!(self.outcome, Outcome::Succeeded) {
                    mark.aborted += 1;
                } else {
                    mark.stopped += 1;
                }
            }
        }
        Path { outcome: self.outcome, nodes: self.marks, edges: self.edges, is_cut }
    }
}

fn is_failure(event_type: &str) -> bool {
    event_type.ends_with("Failed") || event_type.ends_with("TimedOut")
}
