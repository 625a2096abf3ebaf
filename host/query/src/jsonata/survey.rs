//! What can be said of an expression before it runs: the names it mentions and where, what it uses that
//! AWS has not, and what breaks a limit whenever it is evaluated.

use std::collections::BTreeSet;
use std::ops::Range;

use jlens_core::ast::{Attrs, BinaryOp, FallbackOp, Stage};
use jlens_core::{Expression, Node, NodeKind};

use super::{JsonataLimit, LIMITS};

/// What stands in an expression. Places are bytes of its text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// Variables that the expression does not bind itself, and functions: `$name`, in order.
    pub free: Vec<Mention>,
    /// Variables that the expression binds by `:=`, in order.
    pub bound: Vec<Mention>,
    /// The free names of which the expression asks whether they have a value: `$exists($name)`.
    pub asked: BTreeSet<String>,
    /// What is read of `$states`, in order.
    pub states: Vec<StatesMention>,
    /// `$`, `$$` and bare names where there is nothing that they could mean: there is no input document.
    pub inputs: Vec<Range<usize>>,
    /// Operators that JSONata 2.0.6 does not have, which is AWS's version: `??` and `?:`.
    pub newer: Vec<Mention>,
    /// What breaks a limit as soon as it is evaluated.
    pub broken_limits: Vec<(JsonataLimit, Range<usize>)>,
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The name, without `$`; or the operator.
    pub name: String,
    /// Where.
    pub span: Range<usize>,
    /// Whether it is called as a function.
    pub called: bool,
}

/// A mention of `$states`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatesMention {
    /// The names after it, as far as they are plain: `["context", "Execution", "Id"]`.
    pub names: Vec<String>,
    /// Where, names included.
    pub span: Range<usize>,
}

impl Survey {
    /// Surveys a text, which is an expression.
    pub(super) fn of(text: &str) -> Self {
        let Ok(expression) = Expression::compile(text) else { return Self::default() };
        let root = &expression.ast().root;
        let mut surveyor = Surveyor {
            text,
            survey: Self::default(),
            frames: vec![Frame::default()],
            deferred: 0,
            level: 0,
        };
        surveyor.visit(root, false);
        let mut survey = surveyor.survey;
        if depth(root, 0) > LIMITS.depth {
            survey.broken_limits.push((JsonataLimit::Depth, span(root)));
        }
        survey
    }
}

/// No expression that nests deeper can be evaluated, so that nothing need be known of what lies there. Keeps
/// the stack from running out.
const LEVELS_MAX: usize = 1000;

struct Surveyor<'t> {
    text: &'t str,
    survey: Survey,
    frames: Vec<Frame>,
    /// How many frames there were around the innermost function: its body runs later than where it stands,
    /// so it sees what they bind after it as well.
    deferred: usize,
    level: usize,
}

/// What a block, a function or a path binds.
#[derive(Default)]
struct Frame {
    bound: BTreeSet<String>,
    /// What is bound further along.
    later: BTreeSet<String>,
}

impl Surveyor<'_> {
    /// `context`: whether there is something that `$` and bare names mean.
    fn visit(&mut self, node: &Node, context: bool) {
        if self.level == LEVELS_MAX {
            return;
        }
        self.level += 1;
        self.visit_kind(node, context);
        // A path looks after its steps' attributes itself.
        self.visit_attributes(&node.attrs);
        self.level -= 1;
    }

    fn visit_kind(&mut self, node: &Node, context: bool) {
        match &node.kind {
            NodeKind::Path { steps, .. } => self.visit_path(steps, context),
            NodeKind::Variable { name } => self.visit_variable(node, name, false, context),
            NodeKind::Name { .. }
            | NodeKind::Wildcard
            | NodeKind::Descendant
            | NodeKind::Parent { .. }
                if !context =>
            {
                self.survey.inputs.push(span(node));
            }
            NodeKind::Binary { op, lhs, rhs } => {
                if *op == BinaryOp::Range && is_too_long(lhs, rhs) {
                    self.survey.broken_limits.push((JsonataLimit::Memory, span(node)));
                }
                self.visit(lhs, context);
                self.visit(rhs, context);
            }
            NodeKind::Fallback { op, lhs, rhs } => {
                self.visit_fallback(node, *op, lhs, rhs);
                self.visit(lhs, context);
                self.visit(rhs, context);
            }
            NodeKind::Apply { lhs, rhs } => {
                self.visit(lhs, context);
                self.visit_called(rhs, context);
            }
            NodeKind::Block { exprs, .. } => self.visit_block(exprs, context),
            NodeKind::Bind { lhs, rhs } => self.visit_bind(lhs, rhs, context),
            NodeKind::Function { procedure, args } | NodeKind::Partial { procedure, args } => {
                if let (NodeKind::Variable { name }, [asked]) = (&procedure.kind, args.as_slice())
                    && name == "exists"
                    && let Some(asked) = root_variable(asked)
                {
                    self.survey.asked.insert(asked.to_owned());
                }
                self.visit_called(procedure, context);
                for argument in args {
                    self.visit(argument, context);
                }
            }
            NodeKind::Lambda(lambda) if lambda.thunk => self.visit(&lambda.body, context),
            NodeKind::Lambda(lambda) => self.visit_lambda(&lambda.params, &lambda.body),
            // What is transformed is what its parts look at.
            NodeKind::Transform(transform) => {
                let parts = [Some(&transform.pattern), Some(&transform.update)];
                let parts = parts.into_iter().chain([transform.delete.as_ref()]);
                parts.flatten().for_each(|part| self.visit(part, true));
            }
            NodeKind::Sort { terms } => terms.iter().for_each(|term| self.visit(&term.expr, true)),
            NodeKind::Negate { expr } => self.visit(expr, context),
            NodeKind::Array { items } => items.iter().for_each(|item| self.visit(item, context)),
            NodeKind::Object { pairs } => {
                for part in pairs.iter().flat_map(|(key, value)| [key, value]) {
                    self.visit(part, context);
                }
            }
            NodeKind::Condition { condition, then, otherwise } => {
                self.visit(condition, context);
                self.visit(then, context);
                if let Some(otherwise) = otherwise {
                    self.visit(otherwise, context);
                }
            }
            _ => {}
        }
    }

    fn visit_lambda(&mut self, parameters: &[String], body: &Node) {
        let around = std::mem::replace(&mut self.deferred, self.frames.len());
        let bound = parameters.iter().cloned().collect();
        self.frames.push(Frame { bound, later: BTreeSet::new() });
        self.visit(body, true);
        self.frames.pop();
        self.deferred = around;
    }

    /// Predicates and groups look at what they are applied to.
    fn visit_attributes(&mut self, attributes: &Attrs) {
        for stage in attributes.stages.iter().chain(&attributes.predicate) {
            match stage {
                Stage::Filter { expr, .. } => self.visit(expr, true),
                Stage::Index { var, .. } => self.bind(var),
            }
        }
        for (key, value) in attributes.group.iter().flat_map(|group| &group.pairs) {
            self.visit(key, true);
            self.visit(value, true);
        }
    }

    fn visit_path(&mut self, steps: &[Node], context: bool) {
        self.frames.push(Frame::default());
        let mut rest = steps;
        if let Some((first, after)) = steps.split_first()
            && matches!(&first.kind, NodeKind::Variable { name } if name == "states")
            && !self.is_bound("states")
        {
            rest = self.visit_states(first, after);
        }
        for step in rest {
            let beyond_first = !std::ptr::eq(step, &raw const steps[0]);
            let bound = [&step.attrs.focus, &step.attrs.index];
            for name in bound.into_iter().flatten() {
                self.bind(name);
            }
            self.visit(step, context || beyond_first);
        }
        self.frames.pop();
    }

    /// `$states` with the plain names after it. Gives the steps that are left.
    fn visit_states<'n>(&mut self, first: &Node, steps: &'n [Node]) -> &'n [Node] {
        let mut names = Vec::new();
        let mut whole = span(first).start..span(first).start + "$states".len();
        self.visit_attributes(&first.attrs);
        let mut rest = steps;
        let mut is_plain = first.attrs.stages.is_empty() && first.attrs.group.is_none();
        while let (true, Some((step, after))) = (is_plain, rest.split_first()) {
            let NodeKind::Name { name } = &step.kind else { break };
            if step.attrs.focus.is_some() || step.attrs.index.is_some() {
                break;
            }
            names.push(name.clone());
            whole.end = span(step).start + self.spelt(step, name);
            self.visit_attributes(&step.attrs);
            is_plain = step.attrs.stages.is_empty() && step.attrs.group.is_none();
            rest = after;
        }
        self.survey.states.push(StatesMention { names, span: whole });
        rest
    }

    fn visit_variable(&mut self, node: &Node, name: &str, called: bool, context: bool) {
        match name {
            "" | "$" if context => {}
            "" | "$" => self.survey.inputs.push(span(node)),
            _ if self.is_bound(name) => {}
            "states" => {
                let mention = StatesMention { names: Vec::new(), span: span(node) };
                self.survey.states.push(mention);
            }
            _ => self.survey.free.push(mention(node, name, called)),
        }
    }

    /// What is called, or what a value is handed to.
    fn visit_called(&mut self, procedure: &Node, context: bool) {
        match &procedure.kind {
            NodeKind::Variable { name } => {
                self.visit_variable(procedure, name, true, context);
                self.visit_attributes(&procedure.attrs);
            }
            _ => self.visit(procedure, context),
        }
    }

    fn visit_block(&mut self, exprs: &[Node], context: bool) {
        let mut later = BTreeSet::new();
        for bind in exprs {
            let mut bind = bind;
            while let NodeKind::Bind { lhs, rhs } = &bind.kind {
                later.extend(variable(lhs).map(str::to_owned));
                bind = rhs;
            }
        }
        self.frames.push(Frame { bound: BTreeSet::new(), later });
        for expr in exprs {
            self.visit(expr, context);
        }
        self.frames.pop();
    }

    fn visit_bind(&mut self, lhs: &Node, rhs: &Node, context: bool) {
        let Some(name) = variable(lhs) else { return self.visit(rhs, context) };
        self.survey.bound.push(mention(lhs, name, false));
        // A function may call itself.
        if matches!(rhs.kind, NodeKind::Lambda(_)) {
            self.bind(name);
        }
        self.visit(rhs, context);
        self.bind(name);
    }

    fn visit_fallback(&mut self, node: &Node, op: FallbackOp, lhs: &Node, rhs: &Node) {
        let between = span(lhs).end..span(rhs).start;
        let place = if between.start < between.end { between } else { span(node) };
        let name = op.symbol().to_owned();
        self.survey.newer.push(Mention { name, span: place, called: false });
        if op == FallbackOp::Coalesce
            && let Some(asked) = root_variable(lhs)
        {
            self.survey.asked.insert(asked.to_owned());
        }
    }

    /// In how many bytes a name is spelt, without what is attached to it.
    fn spelt(&self, node: &Node, name: &str) -> usize {
        match self.text.as_bytes().get(node.span.start) {
            Some(b'`') => name.len() + 2,
            _ => name.len(),
        }
    }

    fn bind(&mut self, name: &str) {
        if let Some(frame) = self.frames.last_mut() {
            frame.bound.insert(name.to_owned());
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        let frames = self.frames.iter().enumerate();
        frames.into_iter().any(|(index, frame)| {
            frame.bound.contains(name) || index < self.deferred && frame.later.contains(name)
        })
    }
}

fn mention(node: &Node, name: &str, called: bool) -> Mention {
    // Without what is attached to the name.
    let start = node.span.start;
    Mention { name: name.to_owned(), span: start..start + 1 + name.len(), called }
}

fn span(node: &Node) -> Range<usize> {
    node.span.start..node.span.end
}

fn variable(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Variable { name } => Some(name),
        _ => None,
    }
}

/// The variable at which a value is looked for: that of `$name.field`.
fn root_variable(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Path { steps, .. } => variable(steps.first()?),
        _ => variable(node),
    }
}

/// Whether a range between two literals has more items than an array may have.
fn is_too_long(first: &Node, last: &Node) -> bool {
    let literal = |node: &Node| match &node.kind {
        NodeKind::Number { value } => Some(*value),
        NodeKind::Negate { expr } => match expr.kind {
            NodeKind::Number { value } => Some(-value),
            _ => None,
        },
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "the limit is far below 2^53")]
    let most = LIMITS.array_items as f64;
    matches!((literal(first), literal(last)), (Some(first), Some(last)) if last - first >= most)
}

/// How deeply the evaluation of an expression nests at least, counted no further than to the limit. What is
/// evaluated only sometimes does not count.
fn depth(node: &Node, around: usize) -> usize {
    let here = around + 1;
    if here > LIMITS.depth {
        return here;
    }
    let deepest = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.map(|node| depth(node, here)).max().unwrap_or(here)
    };
    match &node.kind {
        NodeKind::Binary { op: BinaryOp::And | BinaryOp::Or, lhs, .. }
        | NodeKind::Fallback { lhs, .. } => depth(lhs, here),
        NodeKind::Binary { lhs, rhs, .. } => deepest(&mut [&**lhs, &**rhs].into_iter()),
        NodeKind::Negate { expr } => depth(expr, here),
        NodeKind::Condition { condition, .. } => depth(condition, here),
        NodeKind::Bind { rhs, .. } => depth(rhs, here),
        NodeKind::Array { items } => deepest(&mut items.iter()),
        NodeKind::Block { exprs, .. } => deepest(&mut exprs.iter()),
        NodeKind::Object { pairs } => deepest(&mut pairs.iter().map(|(_, value)| value)),
        _ => here,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jsonata::{Jsonata, JsonataError};
    use crate::testing::Fixed;

    /// Free names with `()` after those that are called.
    fn free(text: &str) -> Vec<String> {
        let survey = Survey::of(text);
        let shown = |mention: Mention| {
            assert_eq!(&text[mention.span], format!("${}", mention.name), "{text}");
            mention.name + if mention.called { "()" } else { "" }
        };
        survey.free.into_iter().map(shown).collect()
    }

    fn inputs(text: &str) -> Vec<&str> {
        Survey::of(text).inputs.into_iter().map(|span| &text[span]).collect()
    }

    fn states(text: &str) -> Vec<&str> {
        let survey = Survey::of(text);
        for mention in &survey.states {
            let last = mention.names.last().map_or("$states", String::as_str);
            assert!(text[mention.span.clone()].trim_end_matches('`').ends_with(last), "{text}");
        }
        survey.states.into_iter().map(|mention| &text[mention.span]).collect()
    }

    #[test]
    fn names_are_free_unless_the_expression_binds_them() {
        assert_eq!(free("$total"), ["total"]);
        assert_eq!(free("$total.price * $größe"), ["total", "größe"]);
        assert_eq!(free("$sum($totals)"), ["sum()", "totals"]);
        assert_eq!(free("$totals ~> $sum"), ["totals", "sum()"]);
        assert_eq!(free("$map($xs, $double)"), ["map()", "xs", "double"]);
        assert_eq!(free("($x := 1; $x + $y)"), ["y"]);
        assert_eq!(free("($x; $x := 1)"), ["x"]);
        assert_eq!(free("[($x := 1), $x]"), ["x"]);
        assert_eq!(free("$x := $x"), ["x"]);
        assert_eq!(free("($f := function($n){ $n > 0 ? $f($n - 1) : $n }; $f(3))"), [""; 0]);
        assert_eq!(free("($f := function(){ $g() }; $g := function(){ 1 }; $f())"), [""; 0]);
        assert_eq!(free("function($x){ $x + $y }"), ["y"]);
        assert_eq!(free("$xs@$x.ys[$x.id = $id].{'a': $x}"), ["xs", "id"]);
        assert_eq!(free("$xs#$i.($i + $j)"), ["xs", "j"]);
        assert_eq!(
            free("$xs[$ > $least]^(>$weight){$key: $value}"),
            ["xs", "least", "weight", "key", "value"]
        );
        assert_eq!(free("$x ~> |$items|{'n': $n}|"), ["x", "items", "n"]);
        assert_eq!(free("$substring(?, $n)"), ["substring()", "n"]);
    }

    #[test]
    fn what_is_read_of_states_is_told_as_far_as_it_is_plain() {
        assert_eq!(states("$states"), ["$states"]);
        assert_eq!(states("$keys($states)"), ["$states"]);
        assert_eq!(states("$states.input.a.b + 1"), ["$states.input.a.b"]);
        assert_eq!(states("$states.input[0].a"), ["$states.input"]);
        assert_eq!(states("$states.input.$string()"), ["$states.input"]);
        assert_eq!(states("$states.context.Execution.`Id`"), ["$states.context.Execution.`Id`"]);
        assert_eq!(states("$states.*"), ["$states"]);
        assert_eq!(
            states("[$states.result, $states.errorOutput.Error]"),
            ["$states.result", "$states.errorOutput.Error"]
        );
        assert_eq!(Survey::of("$states.input[a = $x].b").free[0].name, "x");
    }

    #[test]
    fn there_is_no_input_but_within_what_looks_at_something() {
        assert_eq!(inputs("$"), ["$"]);
        assert_eq!(inputs("$$"), ["$$"]);
        assert_eq!(inputs("total"), ["total"]);
        assert_eq!(inputs("$.total.price + *"), ["$", "*"]);
        assert_eq!(inputs("order.total > 3 ? 'a' : b"), ["order", "b"]);
        assert_eq!(inputs("$sum(prices)"), ["prices"]);
        assert_eq!(inputs("{'a': $count($)}"), ["$"]);
        assert_eq!(inputs("{a: 1}"), ["a"]);
        for text in [
            "$states.input.orders[total > 3].total",
            "$xs[$ > 3]",
            "$xs.($ + $$.a)",
            "$xs^(price)",
            "$xs{category: $sum(price)}",
            "$map($xs, function($x){ name })",
            "$x ~> |orders|{'total': price}|",
            "[1..3].(x)",
            "{'a': 1}.a",
        ] {
            assert_eq!(inputs(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn operators_that_aws_has_not_are_told() {
        let text = "$a ?? ($b ?: 1)";
        let newer = Survey::of(text).newer;
        let names: Vec<_> = newer.iter().map(|mention| mention.name.as_str()).collect();
        assert_eq!(names, ["??", "?:"]);
        assert!(newer.iter().all(|mention| text[mention.span.clone()].contains(&mention.name)));
    }

    #[test]
    fn an_expression_that_asks_for_a_variable_is_known() {
        let survey = Survey::of("$exists($a.b) ? $a.b : $exists($states.input.c) ? $c : $d ?? 1");
        let asked: Vec<_> = survey.asked.iter().map(String::as_str).collect();
        assert_eq!(asked, ["a", "d", "states"]);
    }

    #[test]
    fn what_must_break_a_limit_is_told_and_breaks_it() {
        let nested = |open: &str, levels: usize, close: &str| {
            format!("{}1{}", open.repeat(levels), close.repeat(levels))
        };
        for (text, limit) in [
            ("[1..873782]".to_owned(), None),
            ("$count([1..873783])".to_owned(), Some(JsonataLimit::Memory)),
            ("$count([-5..873778])".to_owned(), Some(JsonataLimit::Memory)),
            (["1"; 199].join("+"), None),
            (["1"; 200].join("+"), Some(JsonataLimit::Depth)),
            (nested("[", 120, "]"), None),
            (nested("-(", 99, ")"), None),
            (nested("-(", 100, ")"), Some(JsonataLimit::Depth)),
            (format!("false ? {} : 1", ["1"; 300].join("+")), None),
        ] {
            let broken: Vec<_> =
                Survey::of(&text).broken_limits.into_iter().map(|(limit, _)| limit).collect();
            assert_eq!(broken, Vec::from_iter(limit), "{text}");
            let evaluated = Jsonata::parse(&text)
                .map(|expression| expression.evaluate(&Fixed::default()).map(|_| ()));
            let expected = limit.map_or(Ok(()), |limit| Err(JsonataError::Limit(limit)));
            assert_eq!(evaluated, Ok(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn places_are_within_the_text(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "$a", "$", "$$", "b", "'ü'", "`ö`", ".", "[", "]", "(", ")", "{", "}", ":", ",",
                    ";", ":=", "function($x)", "@$y", "#$i", "^(", "??", "?:", "?", "~>", "|", "*",
                    "**", "%", "1", "..", "+", " ", "$states", "input", "$sum(", "ä", "and", "\n",
                ]),
                0..12,
            ),
        ) {
            let text = parts.concat();
            let survey = Survey::of(&text);
            let spans = survey.free.iter().chain(&survey.bound).chain(&survey.newer);
            let spans = spans.map(|mention| &mention.span);
            let spans = spans.chain(survey.states.iter().map(|mention| &mention.span));
            let spans = spans.chain(&survey.inputs);
            for span in spans.chain(survey.broken_limits.iter().map(|(_, span)| span)) {
                prop_assert!(text.get(span.clone()).is_some_and(|part| !part.is_empty()), "{text}");
            }
        }

        #[test]
        fn no_text_makes_a_survey_panic(text in any::<String>()) {
            for text in [text.clone(), format!("$states.{text}"), format!("$a[{text}]")] {
                _ = Survey::of(&text);
            }
        }
    }
}
