//! Map: runs a machine for each of many items (`facts/asl.md` 11).

use stepwell_query::{Query, Template};

use super::jsonata::{self, Computed, Site, Written};
use super::work::{self, Work};
use super::{Quantity, distributed, optional, quantity, template};
use crate::definition::MachineId;
use crate::fields::{Field, Fields};
use crate::finding::{Finding, Findings, NO_EFFECT, OUT_OF_RANGE, UNSUPPORTED};
use crate::machine::{Leads, MachineType, QueryLanguage, read_nested};
use crate::path;

/// A label, in Unicode characters (`facts/asl.md` 11.2).
const LABEL_CHARACTERS_MAX: usize = 40;

/// A Map state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Where the items come from.
    pub items: Items,
    /// `ItemSelector`, or the legacy `Parameters`: makes an iteration's input.
    pub item_selector: Option<Template>,
    /// `ItemProcessor`, or the legacy `Iterator`: what is done with an item.
    pub processor: MachineId,
    /// Whether iterations belong to the execution or are executions of their own.
    pub mode: Mode,
    /// How many iterations may run at a time; 0: as many as AWS runs.
    pub max_concurrency: Quantity,
    /// What becomes of the result, the iterations' outputs in order, and of errors.
    pub work: Work,
}

/// Where a Map's items come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Items {
    /// `ItemsPath`: part of the effective input; all of it by default.
    Path(Query),
    /// `Items`: a value with expressions in it.
    Template(Template),
}

/// `ProcessorConfig.Mode`.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// Iterations are part of the execution and share its history.
    Inline,
    /// Each iteration is an execution of its own.
    Distributed {
        /// Part of the name of its map runs.
        label: Option<String>,
        /// How many iterations may fail.
        tolerated_count: Option<Quantity>,
        /// How many in a hundred iterations may fail.
        tolerated_percentage: Option<Percentage>,
    },
}

/// A share in percent in the file, or a path to one.
#[derive(Debug, Clone, PartialEq)]
pub enum Percentage {
    /// From 0 to 100.
    Literal(f64),
    /// `ToleratedFailurePercentagePath`.
    Path(Query),
    /// An expression.
    Computed(Computed),
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Map> {
    let items = read_items(fields, leads, findings);
    let item_selector = read_selector(fields, leads, findings);
    let max_concurrency = quantity(
        fields,
        ["MaxConcurrency", "MaxConcurrencyPath"],
        0..=u64::from(u32::MAX),
        leads,
        findings,
    );
    let processor = read_processor(fields, leads, findings);
    let (distributed, processor) = processor.unzip();
    let mode = read_mode(fields, distributed.unwrap_or(false), leads, findings);
    let work = work::read(fields, leads, findings);
    Some(Map {
        items: items?,
        item_selector: item_selector?,
        processor: processor?,
        mode: mode?,
        max_concurrency: max_concurrency?.unwrap_or(Quantity::Literal(0)),
        work: work?,
    })
}

fn read_items(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Items> {
    match leads.language {
        QueryLanguage::JsonPath => {
            let path = fields.take("ItemsPath");
            let path = path.map(|field| path::reference_query(&field, findings));
            optional(path).map(|path| Items::Path(path.unwrap_or_else(Query::identity)))
        }
        QueryLanguage::Jsonata => {
            let items = jsonata::template(fields, "Items", Site::Plain, leads, findings)?;
            Some(items.map_or_else(|| Items::Path(Query::identity()), Items::Template))
        }
    }
}

#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
fn read_selector(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Template>> {
    if leads.language == QueryLanguage::Jsonata {
        return jsonata::template(fields, "ItemSelector", Site::Plain, leads, findings);
    }
    fields.at_most_one(&["ItemSelector", "Parameters"], findings);
    let selector = template(fields, "ItemSelector", leads.language, findings);
    let parameters = template(fields, "Parameters", leads.language, findings);
    Some(selector?.or(parameters?))
}

/// What is done with an item, and whether that is an execution of its own.
pub(super) fn read_processor(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<(bool, MachineId)> {
    fields.at_most_one(&["ItemProcessor", "Iterator"], findings);
    let field = match fields.take("Iterator") {
        Some(field) if !fields.has("ItemProcessor") => field,
        _ => fields.require("ItemProcessor", findings)?,
    };
    let mut inner = Fields::of(field.node, &field.place, findings)?;
    let distributed = match inner.take("ProcessorConfig") {
        Some(config) => {
            let express = leads.book.machine_type == MachineType::Express;
            read_config(&config, express, findings).unwrap_or(false)
        }
        None => false,
    };
    // What an execution of its own assigns is nobody else's business.
    let outer = (!distributed).then_some(leads.machine);
    let what = format!("`{}`", field.name);
    Some((distributed, read_nested(inner, &what, outer, leads.book, findings)))
}

fn read_config(field: &Field<'_>, express: bool, findings: &mut Findings) -> Option<bool> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let mut one_of = |name, allowed: [&str; 2], findings: &mut Findings| {
        let field = fields.take(name)?;
        let text = field.string(findings)?;
        if !allowed.contains(&text) {
            let [one, other] = allowed;
            findings
                .error(OUT_OF_RANGE, &field.place, format!("`{text}` is no `{name}`"))
                .help(format!("write `{one}` or `{other}`"));
        }
        Some(text)
    };
    let mode = one_of("Mode", ["INLINE", "DISTRIBUTED"], findings);
    let execution_type = one_of("ExecutionType", ["STANDARD", "EXPRESS"], findings);
    let distributed = mode == Some("DISTRIBUTED");
    if distributed && execution_type.is_none() && !fields.has("ExecutionType") {
        _ = fields.require("ExecutionType", findings);
    }
    if distributed && express {
        let message = "an Express workflow cannot have a distributed Map";
        findings
            .error(OUT_OF_RANGE, &field.place, message)
            .help("leave out `Mode`, or make the workflow a Standard one");
    }
    if let Some(field) = fields.take("ExecutionType") {
        if !distributed {
            no_effect(&field, findings).help("leave it out, or write `Mode: DISTRIBUTED`");
        } else if execution_type == Some("EXPRESS") && !express {
            findings.warning(
                UNSUPPORTED,
                &field.place,
                "Express workflows are not supported yet: the iterations run as Standard workflows",
            );
        }
    }
    fields.pass_over(&["Comment"]);
    fields.finish_in_doubt("`ProcessorConfig`", findings);
    Some(distributed)
}

/// For a field of a distributed Map on an inline one.
fn no_effect<'f>(field: &Field<'_>, findings: &'f mut Findings) -> &'f mut Finding {
    let message = format!("`{}` has an effect only where `Mode` is `DISTRIBUTED`", field.name);
    findings.warning(NO_EFFECT, &field.place, message)
}

fn read_mode(
    fields: &mut Fields<'_>,
    is_distributed: bool,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Mode> {
    distributed::check(fields, leads, findings);
    let label_field = fields.take("Label");
    let label = read_label(fields, findings);
    let places: Vec<_> = [
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    ]
    .into_iter()
    .filter_map(|name| fields.take(name))
    .collect();
    let tolerated_count = quantity(
        fields,
        ["ToleratedFailureCount", "ToleratedFailureCountPath"],
        0..=u64::from(u32::MAX),
        leads,
        findings,
    );
    let tolerated_percentage = read_percentage(fields, leads, findings);
    if is_distributed {
        return Some(Mode::Distributed {
            label: label?,
            tolerated_count: tolerated_count?,
            tolerated_percentage: tolerated_percentage?,
        });
    }
    if let Some(field) = label_field {
        no_effect(&field, findings).help("only the map runs of a distributed Map have a name");
    }
    for field in places {
        no_effect(&field, findings).help("a failing iteration fails an inline Map at once");
    }
    Some(Mode::Inline)
}

#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
fn read_percentage(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Percentage>> {
    fields.at_most_one(&["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"], findings);
    let literal = fields.take("ToleratedFailurePercentage").map(|field| {
        if leads.language == QueryLanguage::Jsonata {
            match jsonata::computed(&field, leads, findings) {
                Written::Plain => {}
                Written::Broken => return None,
                Written::Computed(computed) => return Some(Percentage::Computed(computed)),
            }
        }
        let value = field.node.to_value().as_f64().filter(|value| (0.0..=100.0).contains(value));
        if value.is_none() {
            let message = "`ToleratedFailurePercentage` must be a number from 0 to 100";
            findings.error(OUT_OF_RANGE, &field.place, message);
        }
        value.map(Percentage::Literal)
    });
    let by_path = fields
        .take("ToleratedFailurePercentagePath")
        .map(|field| path::reference_query(&field, findings).map(Percentage::Path));
    optional(literal.or(by_path))
}

#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(super) fn read_label(
    fields: &mut Fields<'_>,
    findings: &mut Findings,
) -> Option<Option<String>> {
    optional(fields.take("Label").map(|field| check_label(&field, findings)))
}

fn check_label(field: &Field<'_>, findings: &mut Findings) -> Option<String> {
    const FORBIDDEN: &str = " ?*<>{}[]:;,\\|^~$#%&`\"";
    let label = field.string(findings)?;
    let sound = !label.is_empty()
        && label.chars().count() <= LABEL_CHARACTERS_MAX
        && !label.chars().any(|c| c.is_control() || FORBIDDEN.contains(c));
    if !sound {
        let message = format!(
            "`{label}` is no label: it must have 1 to {LABEL_CHARACTERS_MAX} characters, none of them blank or special"
        );
        findings.error(OUT_OF_RANGE, &field.place, message);
    }
    sound.then(|| label.to_owned())
}
