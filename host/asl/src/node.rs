//! Text as a tree with places: YAML 1.2 and JSON through one parser (`facts/engines.md` section 3).
//!
//! Knows nothing of workflows. Only `true` and `false` are booleans, dates are strings, and numbers are
//! what JSON would call numbers: `facts/embeddings.md` section 2 tells what goes wrong otherwise.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::thread;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Spanned, Tagged};

use crate::finding::{DUPLICATE_KEY, Findings, Place, SYNTAX};
use crate::syntax;

/// A definition's text as AWS limits it: 1 MiB. A file may hold several and more beside them.
const FILE_BYTES_MAX: usize = 16 << 20;

/// How deeply objects and arrays may nest in a file: no deeper than in a document, so that a value from
/// the file always makes one.
pub(crate) const DEPTH_MAX: usize = stepwell_query::DEPTH_MAX;

/// The parser recurses, with up to 30 KB a level in a development build: room for [`DEPTH_MAX`] levels
/// twice over, in bytes.
const PARSER_STACK_BYTES: usize = 16 << 20;

/// A value and where it stands. The span of a mapping or sequence in block form may be empty.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// YAML's `!Tag`, which other tools give a meaning; without the `!`.
    pub tag: Option<String>,
    /// Where it stands in the text, in bytes.
    pub span: Range<usize>,
}

/// The kinds of JSON.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant is the kind of value of that name")]
pub enum NodeKind {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// What the parser gives for a node.
type SpannedKind = Spanned<Tagged<NodeKind>>;

/// A member of an object. Names are unique within it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where the name stands in the text, in bytes, quotes included.
    pub name_span: Range<usize>,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// Reads a text whose first byte has the position `start`, all duplicate keys reported at once.
    pub(crate) fn parse(source: &str, start: usize, findings: &mut Findings) -> Option<Self> {
        let mut node = Self::parse_as_written(source, start, findings)?;
        let before = findings.count();
        node.report_duplicates(&Place::default(), findings);
        (findings.count() == before).then_some(node)
    }

    /// Reads a text as [`Node::parse`] does, but leaves duplicate keys as they are: see
    /// [`Node::report_duplicates`] and [`Node::keep_last_duplicates`], one of which must follow.
    ///
    /// On a stack of its own: whether a file is refused or ends the process must not depend on who asks.
    pub(crate) fn parse_as_written(
        source: &str,
        start: usize,
        findings: &mut Findings,
    ) -> Option<Self> {
        let parsed = thread::scope(|scope| {
            let builder = thread::Builder::new().stack_size(PARSER_STACK_BYTES);
            let parser = builder.spawn_scoped(scope, || Self::parse_here(source, start));
            parser.expect("there is room for one more thread").join()
        });
        let parsed = parsed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        parsed.map_err(|found| findings.append(found)).ok()
    }

    fn parse_here(source: &str, start: usize) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        if source.len() > FILE_BYTES_MAX {
            let place = Place { pointer: String::new(), span: start..start };
            findings.error(
                SYNTAX,
                &place,
                format!("the file is {} bytes long, more than {FILE_BYTES_MAX}", source.len()),
            );
            return Err(findings);
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: DEPTH_MAX, max_documents: 1 },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            emit_comments: false,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options::<SpannedKind>(source, options) {
            Ok(root) => {
                let mut node = Self::from_spanned(root);
                if start > 0 {
                    node.move_by(start);
                }
                Ok(node)
            }
            Err(error) => {
                syntax::report(source, start, &error, &mut findings);
                Err(findings)
            }
        }
    }

    fn from_spanned(spanned: SpannedKind) -> Self {
        let Tagged(kind, tag) = spanned.value;
        // YAML's own tags have had their effect.
        let tag = tag.and_then(|tag| Some(tag.strip_prefix('!')?.to_owned()));
        let tag = tag.filter(|tag| !tag.is_empty());
        Self { kind, tag, span: byte_range(&spanned.referenced) }
    }

    /// The parser counts from the text's first byte.
    fn move_by(&mut self, start: usize) {
        let moved = |span: &Range<usize>| span.start + start..span.end + start;
        self.span = moved(&self.span);
        match &mut self.kind {
            NodeKind::Object(members) => {
                for member in members {
                    member.name_span = moved(&member.name_span);
                    member.node.move_by(start);
                }
            }
            NodeKind::Array(items) => items.iter_mut().for_each(|item| item.move_by(start)),
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) | NodeKind::String(_) => {}
        }
    }

    /// A text at a place.
    pub(crate) fn string(text: impl Into<String>, span: &Range<usize>) -> Self {
        Self { kind: NodeKind::String(text.into()), tag: None, span: span.clone() }
    }

    /// Reports repeated names as errors and keeps the first of each.
    pub(crate) fn report_duplicates(&mut self, place: &Place, findings: &mut Findings) {
        self.drop_duplicates(place, &mut |name, place, other| {
            findings
                .error(DUPLICATE_KEY, place, format!("`{name}` stands here again"))
                .help("remove one of the two, or give it another name")
                .related(other.clone(), "it stands here first");
        });
    }

    /// Warns of repeated names and keeps the last of each, as CloudFormation does.
    pub(crate) fn keep_last_duplicates(&mut self, findings: &mut Findings) {
        self.reverse();
        self.drop_duplicates(&Place::default(), &mut |name, place, other| {
            findings
                .warning(DUPLICATE_KEY, place, format!("`{name}` has no effect: it stands again"))
                .help("remove one of the two, or give it another name")
                .related(other.clone(), "this one counts");
        });
        self.reverse();
    }

    /// Turns the order of all members and items round.
    fn reverse(&mut self) {
        match &mut self.kind {
            NodeKind::Object(members) => {
                members.reverse();
                for member in members {
                    member.node.reverse();
                }
            }
            NodeKind::Array(items) => items.iter_mut().for_each(Self::reverse),
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) | NodeKind::String(_) => {}
        }
    }

    /// Keeps the first member of each name. `report` gets the name and the places of the others, and
    /// where the one is that is kept.
    fn drop_duplicates(
        &mut self,
        place: &Place,
        report: &mut impl FnMut(&str, &Place, &Range<usize>),
    ) {
        match &mut self.kind {
            NodeKind::Object(members) => {
                let mut kept: BTreeMap<String, Range<usize>> = BTreeMap::new();
                members.retain_mut(|member| {
                    let here = place.below(&member.name, &member.name_span);
                    if let Some(other) = kept.get(&member.name) {
                        report(&member.name, &here, other);
                        return false;
                    }
                    kept.insert(member.name.clone(), member.name_span.clone());
                    member.node.drop_duplicates(&here, report);
                    true
                });
            }
            NodeKind::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let here = place.below(&index.to_string(), &item.span);
                    item.drop_duplicates(&here, report);
                }
            }
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) | NodeKind::String(_) => {}
        }
    }

    /// What a person calls this kind of value.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Null => "null",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Number(_) => "a number",
            NodeKind::String(_) => "a string",
            NodeKind::Array(_) => "an array",
            NodeKind::Object(_) => "an object",
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&[Member]> {
        match &self.kind {
            NodeKind::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        match &self.kind {
            NodeKind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A string, number or boolean as text.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match &self.kind {
            NodeKind::String(text) => Some(text.clone()),
            NodeKind::Number(number) => Some(number.to_string()),
            NodeKind::Bool(value) => Some(value.to_string()),
            NodeKind::Null | NodeKind::Array(_) | NodeKind::Object(_) => None,
        }
    }

    /// How many values it has, long texts counting as several.
    pub(crate) fn weight(&self) -> usize {
        1 + match &self.kind {
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => 0,
            NodeKind::String(text) => text.len() / crate::embedding::BYTES_PER_VALUE,
            NodeKind::Array(items) => items.iter().map(Self::weight).sum(),
            NodeKind::Object(members) => members.iter().map(|member| member.node.weight()).sum(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Null)
    }

    /// The node at names below this one.
    pub(crate) fn at(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |node, name| Some(&node.get(name)?.node))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Member> {
        self.as_object()?.iter().find(|member| member.name == name)
    }

    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Number(number) => Value::Number(number.clone()),
            NodeKind::String(text) => Value::String(text.clone()),
            NodeKind::Array(items) => items.iter().map(Self::to_value).collect(),
            NodeKind::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|member| (member.name.clone(), member.node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

fn byte_range(location: &serde_saphyr::Location) -> Range<usize> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset().unwrap_or(0)).unwrap_or(usize::MAX);
    start..start.saturating_add(usize::try_from(span.byte_len().unwrap_or(0)).unwrap_or(0))
}

impl<'de> Deserialize<'de> for NodeKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = NodeKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON can express")
    }

    fn visit_unit<E>(self) -> Result<NodeKind, E> {
        Ok(NodeKind::Null)
    }

    fn visit_none<E>(self) -> Result<NodeKind, E> {
        Ok(NodeKind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeKind, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeKind, E> {
        Ok(NodeKind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<NodeKind, E> {
        Number::from_f64(value)
            .map(NodeKind::Number)
            .ok_or_else(|| E::custom(format!("`{value}` is no number in JSON")))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<NodeKind, E> {
        Number::from_i128(value)
            .map(NodeKind::Number)
            .ok_or_else(|| E::custom(format!("`{value}` is too large for a number")))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<NodeKind, E> {
        Number::from_u128(value)
            .map(NodeKind::Number)
            .ok_or_else(|| E::custom(format!("`{value}` is too large for a number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<NodeKind, E> {
        Ok(NodeKind::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<NodeKind, E> {
        Ok(NodeKind::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<NodeKind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element::<SpannedKind>()? {
            items.push(Node::from_spanned(item));
        }
        Ok(NodeKind::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeKind, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Spanned<String>>()? {
            let node = Node::from_spanned(map.next_value::<SpannedKind>()?);
            members.push(Member {
                name: name.value,
                name_span: byte_range(&name.referenced),
                node,
            });
        }
        Ok(NodeKind::Object(members))
    }
}
