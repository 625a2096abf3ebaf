//! A definition as a graph: what is drawn, without saying how. One area per machine, with a node for its
//! start, one per state and one for its end.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_asl::{Definition, Machine, State, StateId, StateKind, StateType, Transition};

use crate::words;

/// A node, by its place in [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// An edge, by its place in [`Graph::edges`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeId(pub(crate) usize);

/// An area, by its place in [`Graph::areas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AreaId(pub(crate) usize);

/// A machine with those nested in it, as nodes and edges.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The machine's name.
    pub name: String,
    /// What the author says about it.
    pub comment: Option<String>,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All edges. No two of one kind have the same ends.
    pub edges: Vec<Edge>,
    /// The outermost machine first.
    pub areas: Vec<Area>,
    by_name: BTreeMap<String, NodeId>,
    by_ends: BTreeMap<(NodeId, NodeId, EdgeKind), EdgeId>,
}

/// A machine: what stands in one box.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// The Map or Parallel state that it is part of; `None` for the outermost machine.
    pub around: Option<NodeId>,
    /// The start, the states in the order of the file, and the end if a state leads to it.
    pub nodes: Vec<NodeId>,
    /// What leads from one of them to another.
    pub edges: Vec<EdgeId>,
}

/// Something that edges lead from and to.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The machine it belongs to.
    pub area: AreaId,
    /// The state's name; empty for the start and the end.
    pub name: String,
    /// What the state does, such as the function it calls.
    pub does: Vec<String>,
    /// Its retriers.
    pub retries: Vec<String>,
    /// What the author says about it.
    pub comment: Option<String>,
    /// The machines within.
    pub areas: Vec<AreaId>,
    /// Whether something leads to it.
    pub reachable: bool,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Where a machine begins.
    Start,
    /// A state.
    State(StateType),
    /// Where a machine ends with a result.
    End,
}

/// What leads from one node to another of the same area.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Where it begins.
    pub from: NodeId,
    /// Where it leads.
    pub to: NodeId,
    /// Why it is there.
    pub kind: EdgeKind,
    /// When it is taken: one text per rule or catcher.
    pub labels: Vec<String>,
}

/// Why an edge is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// `StartAt`.
    Start,
    /// `Next`.
    Next,
    /// Choice rules, and `Default`.
    Choice,
    /// Catchers.
    Catch,
    /// `End: true`, or a Succeed state.
    End,
}

impl Graph {
    /// The graph of a machine.
    pub fn of(name: &str, definition: &Definition) -> Self {
        let mut graph = Self {
            name: name.to_owned(),
            comment: definition.comment().map(str::to_owned),
            nodes: Vec::new(),
            edges: Vec::new(),
            areas: Vec::new(),
            by_name: BTreeMap::new(),
            by_ends: BTreeMap::new(),
        };
        graph.add_machine(definition, definition.outermost(), None);
        graph
    }

    /// A node. Every id that stands in this graph has one.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// An edge. Every id that stands in this graph has one.
    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id.0]
    }

    /// An area. Every id that stands in this graph has one.
    pub fn area(&self, id: AreaId) -> &Area {
        &self.areas[id.0]
    }

    /// The state of that name.
    pub fn state(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// The edge of that kind between two nodes.
    pub fn between(&self, from: NodeId, to: NodeId, kind: EdgeKind) -> Option<EdgeId> {
        self.by_ends.get(&(from, to, kind)).copied()
    }

    /// The Map or Parallel state that a node stands in.
    pub fn around(&self, node: NodeId) -> Option<NodeId> {
        self.area(self.node(node).area).around
    }

    fn add_machine(
        &mut self,
        definition: &Definition,
        machine: &Machine,
        around: Option<NodeId>,
    ) -> AreaId {
        let area = AreaId(self.areas.len());
        self.areas.push(Area { around, nodes: Vec::new(), edges: Vec::new() });
        let start = self.add_node(Node::marker(NodeKind::Start, area));
        let states: Vec<&State> = machine.states.iter().map(|id| definition.state(*id)).collect();
        let mut ids = BTreeMap::new();
        for state in &states {
            let id = self.add_node(Node::of(state, area));
            self.by_name.insert(state.name.to_string(), id);
            ids.insert(state.id, id);
        }
        let leads = self.add_edges(area, start, machine.start_at, &states, &ids);
        self.mark_reachable(start, &leads);
        for state in states {
            for nested in state.kind.machines() {
                let id = ids[&state.id];
                let nested = self.add_machine(definition, definition.machine(*nested), Some(id));
                self.nodes[id.0].areas.push(nested);
            }
        }
        area
    }

    /// Adds what leads from one node of a machine to another, and says what leads where.
    fn add_edges(
        &mut self,
        area: AreaId,
        start: NodeId,
        start_at: StateId,
        states: &[&State],
        ids: &BTreeMap<StateId, NodeId>,
    ) -> BTreeMap<NodeId, Vec<NodeId>> {
        let first = self.edges.len();
        self.add_edge(area, start, ids[&start_at], EdgeKind::Start, None);
        let ends = |state: &&State| leads(state).iter().any(|lead| lead.to.is_none());
        let end = states.iter().any(ends).then(|| self.add_node(Node::marker(NodeKind::End, area)));
        for state in states {
            for Lead { to, kind, label } in leads(state) {
                let to = to.map_or(end, |to| Some(ids[&to])).expect("a machine that ends has one");
                self.add_edge(area, ids[&state.id], to, kind, label);
            }
        }
        let mut adjacent: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for edge in &self.edges[first..] {
            adjacent.entry(edge.from).or_default().push(edge.to);
        }
        adjacent
    }

    fn mark_reachable(&mut self, start: NodeId, adjacent: &BTreeMap<NodeId, Vec<NodeId>>) {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            if reached.insert(id) {
                open.extend(adjacent.get(&id).into_iter().flatten());
            }
        }
        for id in reached {
            self.nodes[id.0].reachable = true;
        }
    }

    fn add_node(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.areas[node.area.0].nodes.push(id);
        self.nodes.push(node);
        id
    }

    /// Adds an edge, or its label to the one of the same kind that is there already.
    fn add_edge(
        &mut self,
        area: AreaId,
        from: NodeId,
        to: NodeId,
        kind: EdgeKind,
        label: Option<String>,
    ) {
        let next = EdgeId(self.edges.len());
        let id = *self.by_ends.entry((from, to, kind)).or_insert(next);
        if id == next {
            self.edges.push(Edge { from, to, kind, labels: Vec::new() });
            self.areas[area.0].edges.push(id);
        }
        self.edges[id.0].labels.extend(label);
    }
}

impl Node {
    fn marker(kind: NodeKind, area: AreaId) -> Self {
        Self {
            kind,
            area,
            name: String::new(),
            does: Vec::new(),
            retries: Vec::new(),
            comment: None,
            areas: Vec::new(),
            reachable: false,
        }
    }

    fn of(state: &State, area: AreaId) -> Self {
        let does = match &state.kind {
            StateKind::Task(task) => vec![words::called(task)],
            StateKind::Wait(wait) => vec![words::wait(wait)],
            StateKind::Fail(fail) => words::error(fail).into_iter().collect(),
            StateKind::Map(map) => words::map(map),
            StateKind::Parallel(_)
            | StateKind::Choice(_)
            | StateKind::Pass(_)
            | StateKind::Succeed(_) => Vec::new(),
        };
        let retriers = state.kind.work().map(|work| work.retry.as_slice()).unwrap_or_default();
        Self {
            name: state.name.to_string(),
            does,
            retries: retriers.iter().map(words::retrier).collect(),
            comment: state.comment.clone(),
            ..Self::marker(NodeKind::State(state.kind.state_type()), area)
        }
    }

    /// The state's type; `None` for the start and the end.
    pub fn state_type(&self) -> Option<StateType> {
        match self.kind {
            NodeKind::State(state_type) => Some(state_type),
            NodeKind::Start | NodeKind::End => None,
        }
    }
}

/// Where a state leads; nowhere is the machine's end.
struct Lead {
    to: Option<StateId>,
    kind: EdgeKind,
    label: Option<String>,
}

fn leads(state: &State) -> Vec<Lead> {
    let next = |to| Lead { to: Some(to), kind: EdgeKind::Next, label: None };
    let end = || Lead { to: None, kind: EdgeKind::End, label: None };
    let transition = |transition: &Transition| match transition {
        Transition::Next(to) => next(*to),
        Transition::End => end(),
    };
    if let Some(work) = state.kind.work() {
        let catchers = work.catch.iter().map(|catcher| Lead {
            to: Some(catcher.next),
            kind: EdgeKind::Catch,
            label: Some(words::catcher(catcher)),
        });
        return std::iter::once(transition(&work.transition)).chain(catchers).collect();
    }
    match &state.kind {
        StateKind::Choice(choice) => {
            let rules = choice
                .rules
                .iter()
                .map(|rule| (rule.next, words::condition(&rule.condition)))
                .chain(choice.default.map(|to| (to, "default".to_owned())));
            let lead =
                |(to, label)| Lead { to: Some(to), kind: EdgeKind::Choice, label: Some(label) };
            rules.map(lead).collect()
        }
        StateKind::Pass(pass) => vec![transition(&pass.transition)],
        StateKind::Wait(wait) => vec![transition(&wait.transition)],
        StateKind::Succeed(_) => vec![end()],
        StateKind::Fail(_) | StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => {
            Vec::new()
        }
    }
}
