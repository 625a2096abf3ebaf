//! Reading an object field by field, so that every mistake in it is found and none is passed over.
//!
//! A reader takes the fields it knows; [`Fields::finish`] reports what is left.

use std::collections::BTreeSet;

use jiff::Timestamp;
use stepwell_query::parse_timestamp;

use crate::finding::{
    EXCLUSIVE_FIELDS, Finding, Findings, MISSING_FIELD, OUT_OF_RANGE, Place, UNKNOWN_FIELD,
    WRONG_TYPE,
};
use crate::node::{Member, Node, NodeKind};

/// One object being read.
pub(crate) struct Fields<'n> {
    members: &'n [Member],
    pub(crate) place: Place,
    taken: BTreeSet<&'n str>,
    known: BTreeSet<&'static str>,
}

/// A field's value and its place, which is the name's when the value itself has no extent.
#[derive(Clone)]
pub(crate) struct Field<'n> {
    pub(crate) name: &'n str,
    pub(crate) node: &'n Node,
    pub(crate) place: Place,
}

impl<'n> Fields<'n> {
    /// Reads `node` as an object, or reports that it is none.
    pub(crate) fn of(node: &'n Node, place: &Place, findings: &mut Findings) -> Option<Self> {
        let NodeKind::Object(members) = &node.kind else {
            let what = match place.name() {
                Some(name) => format!("`{name}` must be"),
                None => "expected".to_owned(),
            };
            let message = format!("{what} an object, not {}", node.kind_name());
            findings.error(WRONG_TYPE, place, message);
            return None;
        };
        let place = place.clone();
        Some(Self { members, place, taken: BTreeSet::new(), known: BTreeSet::new() })
    }

    /// Takes a field, if it is there.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Field<'n>> {
        self.known.insert(name);
        let member = self.members.iter().find(|member| member.name == name)?;
        self.taken.insert(&member.name);
        Some(self.field(member))
    }

    /// Takes a field that must be there.
    pub(crate) fn require(
        &mut self,
        name: &'static str,
        findings: &mut Findings,
    ) -> Option<Field<'n>> {
        let field = self.take(name);
        if field.is_none() {
            findings
                .error(
                    MISSING_FIELD,
                    &self.place,
                    format!("the field `{name}` is required but was missing"),
                )
                .help(format!("add `{name}`"));
        }
        field
    }

    /// Where a field stands, if it is there.
    pub(crate) fn place_of(&self, name: &str) -> Option<Place> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(self.field(member).place)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    /// Every member, for objects whose names are free. Takes them all.
    pub(crate) fn take_all(&mut self) -> Vec<Field<'n>> {
        self.taken.extend(self.members.iter().map(|member| member.name.as_str()));
        self.members.iter().map(|member| self.field(member)).collect()
    }

    /// Takes fields that mean something on AWS or to another tool and have no effect here.
    pub(crate) fn pass_over(&mut self, names: &[&'static str]) {
        for name in names {
            _ = self.take(name);
        }
    }

    /// Whether there are fields that nobody has taken.
    pub(crate) fn has_leftovers(&self) -> bool {
        self.members.iter().any(|member| !self.taken.contains(member.name.as_str()))
    }

    /// Reports that at most one of the fields may stand here; true when one does. Those after the first
    /// count as taken.
    pub(crate) fn at_most_one(&mut self, names: &[&str], findings: &mut Findings) -> bool {
        let present: Vec<&Member> =
            self.members.iter().filter(|member| names.contains(&member.name.as_str())).collect();
        if let [first, second, ..] = present.as_slice() {
            let place = self.place.below(&second.name, &second.name_span);
            findings
                .error(
                    EXCLUSIVE_FIELDS,
                    &place,
                    format!("`{}` and `{}` exclude each other", first.name, second.name),
                )
                .related(first.name_span.clone(), "the other one");
        }
        self.taken.extend(present.iter().skip(1).map(|member| member.name.as_str()));
        !present.is_empty()
    }

    /// Reports every field that nobody has taken.
    pub(crate) fn finish(self, what: &str, findings: &mut Findings) {
        for (name, place) in self.leftovers() {
            let message = format!("{what} has no field `{name}`");
            findings
                .error(UNKNOWN_FIELD, &place, message)
                .suggest(name, self.known.iter().copied());
        }
    }

    /// The same for an object of which it is known that AWS refuses other fields.
    pub(crate) fn finish_as_aws(self, what: &str, findings: &mut Findings) {
        for (name, place) in self.leftovers() {
            let message = format!("{what} has no field `{name}`");
            findings
                .error(UNKNOWN_FIELD, &place, message)
                .suggest(name, self.known.iter().copied())
                .aws_at(
                    "SCHEMA_VALIDATION_FAILED",
                    format!("Field '{name}' is not supported"),
                    Some(&self.place),
                );
        }
    }

    /// The same for an object of which that is not known, or of another tool, which may know fields that we
    /// do not: what AWS accepts is not refused for its form.
    pub(crate) fn finish_in_doubt(self, what: &str, findings: &mut Findings) {
        for (name, place) in self.leftovers() {
            let message = format!("{what} has no field `{name}`");
            findings
                .warning(UNKNOWN_FIELD, &place, message)
                .suggest(name, self.known.iter().copied());
        }
    }

    fn leftovers(&self) -> impl Iterator<Item = (&'n str, Place)> {
        let left = self.members.iter().filter(|member| !self.taken.contains(member.name.as_str()));
        left.map(|member| (member.name.as_str(), self.place.below(&member.name, &member.name_span)))
    }

    fn field(&self, member: &'n Member) -> Field<'n> {
        let span = if member.node.span.is_empty() { &member.name_span } else { &member.node.span };
        Field {
            name: &member.name,
            node: &member.node,
            place: self.place.below(&member.name, span),
        }
    }
}

impl<'n> Field<'n> {
    pub(crate) fn string(&self, findings: &mut Findings) -> Option<&'n str> {
        let text = self.node.as_str();
        if text.is_none() {
            self.wrong_type("a string", findings);
        }
        text
    }

    pub(crate) fn boolean(&self, findings: &mut Findings) -> Option<bool> {
        if let NodeKind::Bool(value) = self.node.kind {
            return Some(value);
        }
        let finding = self.wrong_type("true or false", findings);
        match self.node.as_str() {
            Some("yes" | "on" | "Yes" | "On") => _ = finding.help("write `true`"),
            Some("no" | "off" | "No" | "Off") => _ = finding.help("write `false`"),
            _ => {}
        }
        None
    }

    /// A whole number within a range, both ends included.
    pub(crate) fn integer(&self, least: u64, most: u64, findings: &mut Findings) -> Option<u64> {
        let NodeKind::Number(number) = &self.node.kind else {
            self.wrong_type("a whole number", findings);
            return None;
        };
        let value = number.as_u64().filter(|value| (least..=most).contains(value));
        if value.is_none() {
            findings.error(
                OUT_OF_RANGE,
                &self.place,
                format!(
                    "`{}` is {number}; it must be a whole number from {least} to {most}",
                    self.name
                ),
            );
        }
        value
    }

    /// A time as AWS writes one.
    pub(crate) fn timestamp(&self, findings: &mut Findings) -> Option<Timestamp> {
        let text = self.string(findings)?;
        let timestamp = parse_timestamp(text);
        if timestamp.is_none() {
            // AWS's wording (`facts/asl.md` 5).
            let message = format!("`{text}` does not match RFC3339 timestamp");
            findings
                .error(OUT_OF_RANGE, &self.place, message)
                .help("write it as `2026-01-31T23:59:59Z`")
                .aws("String does not match RFC3339 timestamp");
        }
        timestamp
    }

    pub(crate) fn array(&self, findings: &mut Findings) -> Option<Vec<Self>> {
        let NodeKind::Array(items) = &self.node.kind else {
            let finding = self.wrong_type("an array", findings);
            if let Some(text) = self.node.as_str() {
                finding.help(format!("write `[{text}]`"));
            }
            return None;
        };
        let fields = items.iter().enumerate().map(|(index, node)| {
            let span = if node.span.is_empty() { &self.place.span } else { &node.span };
            Field { name: self.name, node, place: self.place.below(&index.to_string(), span) }
        });
        Some(fields.collect())
    }

    /// An array with at least one item.
    pub(crate) fn items(&self, findings: &mut Findings) -> Option<Vec<Self>> {
        let items = self.array(findings)?;
        if items.is_empty() {
            let message = format!("`{}` must not be empty", self.name);
            findings.error(OUT_OF_RANGE, &self.place, message).aws("Value cannot be empty");
            return None;
        }
        Some(items)
    }

    pub(crate) fn wrong_type<'f>(
        &self,
        expected: &str,
        findings: &'f mut Findings,
    ) -> &'f mut Finding {
        findings.error(
            WRONG_TYPE,
            &self.place,
            format!("`{}` must be {expected}, not {}", self.name, self.node.kind_name()),
        )
    }
}
