//! Where a distributed Map reads its items, how it batches them and where it writes what comes of them
//! (`facts/asl.md` 11.2): checked, though it cannot be run yet.

use super::jsonata::{self, Site};
use super::language::instead_of;
use crate::fields::{Field, Fields};
use crate::finding::{
    EXCLUSIVE_FIELDS, Findings, MISSING_FIELD, OUT_OF_RANGE, UNKNOWN_FIELD, UNSUPPORTED,
};
use crate::machine::{Leads, QueryLanguage};

/// AWS reads no more items in one run.
const ITEMS_MAX: u64 = 100_000_000;

/// A batch's input, in bytes.
const BATCH_BYTES_MAX: u64 = 262_144;

/// Checks `ItemReader`, `ItemBatcher` and `ResultWriter`, and says that they are not supported yet.
pub(super) fn check(fields: &mut Fields<'_>, leads: &mut Leads<'_>, findings: &mut Findings) {
    type Check = fn(&mut Fields<'_>, &mut Leads<'_>, &mut Findings);
    let parts: [(&'static str, Check); 3] =
        [("ItemReader", reader), ("ItemBatcher", batcher), ("ResultWriter", writer)];
    for (name, check) in parts {
        let Some(field) = fields.take(name) else { continue };
        let message = format!("`{name}` is not supported yet");
        findings.error(UNSUPPORTED, &field.place, message);
        if let Some(mut inner) = Fields::of(field.node, &field.place, findings) {
            inner.pass_over(&["Comment"]);
            leads.within = format!("{name}/");
            check(&mut inner, leads, findings);
            leads.within.clear();
            inner.finish_in_doubt(&format!("`{name}`"), findings);
        }
    }
}

fn reader(fields: &mut Fields<'_>, leads: &mut Leads<'_>, findings: &mut Findings) {
    if let Some(resource) = fields.require("Resource", findings) {
        resource.string(findings);
    }
    arguments(fields, leads, findings);
    let Some(config) = fields.take("ReaderConfig") else { return };
    let Some(mut config) = Fields::of(config.node, &config.place, findings) else { return };
    config.pass_over(&["Comment", "ItemsPointer"]);
    one_of(&mut config, "InputType", &["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"], findings);
    one_of(&mut config, "Transformation", &["NONE", "LOAD_AND_FLATTEN"], findings);
    one_of(&mut config, "ManifestType", &["ATHENA_DATA", "S3_INVENTORY"], findings);
    one_of(&mut config, "CSVDelimiter", &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"], findings);
    let header = one_of(&mut config, "CSVHeaderLocation", &["FIRST_ROW", "GIVEN"], findings);
    if let Some(headers) = config.take("CSVHeaders") {
        for header in headers.items(findings).into_iter().flatten() {
            header.string(findings);
        }
    } else if header == Some("GIVEN") {
        let message = "`CSVHeaderLocation: GIVEN` needs `CSVHeaders`";
        findings.error(MISSING_FIELD, &config.place, message).help("add `CSVHeaders: [NAME, ...]`");
    }
    quantity(&mut config, ["MaxItems", "MaxItemsPath"], 0..=ITEMS_MAX, leads, findings);
    config.finish_in_doubt("`ReaderConfig`", findings);
}

fn batcher(fields: &mut Fields<'_>, leads: &mut Leads<'_>, findings: &mut Findings) {
    const LIMITS: [&str; 4] = [
        "MaxItemsPerBatch",
        "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatch",
        "MaxInputBytesPerBatchPath",
    ];
    if !LIMITS.iter().any(|name| fields.has(name)) {
        let message = "`ItemBatcher` must say how large a batch may be";
        findings
            .error(EXCLUSIVE_FIELDS, &fields.place, message)
            .help("add `MaxItemsPerBatch` or `MaxInputBytesPerBatch`");
    }
    let [items, items_path, bytes, bytes_path] = LIMITS;
    quantity(fields, [items, items_path], 1..=ITEMS_MAX, leads, findings);
    quantity(fields, [bytes, bytes_path], 1..=BATCH_BYTES_MAX, leads, findings);
    template(fields, "BatchInput", leads, findings);
}

fn writer(fields: &mut Fields<'_>, leads: &mut Leads<'_>, findings: &mut Findings) {
    let resource = fields.take("Resource");
    let config = fields.take("WriterConfig");
    if resource.is_none() && config.is_none() {
        let message = "`ResultWriter` must say where or how results are written";
        findings
            .error(EXCLUSIVE_FIELDS, &fields.place, message)
            .help("add `Resource` with `Parameters`, or `WriterConfig`");
    }
    if let Some(resource) = resource {
        resource.string(findings);
    }
    arguments(fields, leads, findings);
    let Some(config) = config else { return };
    let Some(mut config) = Fields::of(config.node, &config.place, findings) else { return };
    config.pass_over(&["Comment"]);
    one_of(&mut config, "Transformation", &["NONE", "COMPACT", "FLATTEN"], findings);
    one_of(&mut config, "OutputType", &["JSON", "JSONL"], findings);
    config.finish_in_doubt("`WriterConfig`", findings);
}

/// `Parameters` or `Arguments`, as the language has it.
fn arguments(fields: &mut Fields<'_>, leads: &mut Leads<'_>, findings: &mut Findings) {
    let (own, other) = match leads.language {
        QueryLanguage::JsonPath => ("Parameters", "Arguments"),
        QueryLanguage::Jsonata => ("Arguments", "Parameters"),
    };
    template(fields, own, leads, findings);
    refuse(fields, other, findings);
}

/// A field of the other language.
fn refuse(fields: &mut Fields<'_>, name: &'static str, findings: &mut Findings) {
    let Some(field) = fields.take(name) else { return };
    let message = format!("`{name}` belongs to another query language than this state's");
    let finding = findings.error(UNKNOWN_FIELD, &field.place, message);
    if let Some(instead) = instead_of(name) {
        finding.help(format!("use `{instead}`"));
    }
}

fn template(
    fields: &mut Fields<'_>,
    name: &'static str,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) {
    match leads.language {
        QueryLanguage::JsonPath => {
            _ = super::template(fields, name, leads.language, findings);
        }
        QueryLanguage::Jsonata => {
            _ = jsonata::template(fields, name, Site::Plain, leads, findings);
        }
    }
}

fn quantity(
    fields: &mut Fields<'_>,
    [literal, by_path]: [&'static str; 2],
    range: std::ops::RangeInclusive<u64>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) {
    _ = super::quantity(fields, [literal, by_path], range, leads, findings);
    if leads.language == QueryLanguage::Jsonata {
        refuse(fields, by_path, findings);
    }
}

fn one_of<'n>(
    fields: &mut Fields<'n>,
    name: &'static str,
    allowed: &[&str],
    findings: &mut Findings,
) -> Option<&'n str> {
    let field: Field<'n> = fields.take(name)?;
    let text = field.string(findings)?;
    if !allowed.contains(&text) {
        findings
            .error(OUT_OF_RANGE, &field.place, format!("`{text}` is no `{name}`"))
            .help(format!("write one of {}", quoted(allowed)))
            .suggest(text, allowed.iter().copied());
    }
    Some(text)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
