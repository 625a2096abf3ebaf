//! Task: calls a function (`facts/asl.md` 6, 13).

use std::sync::Arc;

use stepwell_query::{Jsonata, Template};

use super::integration::{self, Integration, Pattern};
use super::jsonata::{self, Site};
use super::wait::SECONDS_MAX;
use super::work::{self, Work};
use super::{Quantity, arguments, quantity, template};
use crate::definition::Name;
use crate::fields::{Field, Fields};
use crate::finding::{
    Findings, NO_EFFECT, OUT_OF_RANGE, Place, RESOURCE, TOKEN_UNTOLD, UNSUPPORTED,
};
use crate::functions::{function_name, reference};
use crate::machine::{Leads, MachineType, QueryLanguage};
use crate::node::Node;

/// The region and account of ARNs that are made here (`facts/embeddings.md` 9).
const LOCAL_LAMBDA_ARN_PREFIX: &str = "arn:aws:lambda:us-east-1:123456789012:function:";

/// A Task state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What is called.
    pub resource: Resource,
    /// Makes the effective input.
    pub parameters: Option<Template>,
    /// How long one attempt may take, in seconds.
    pub timeout: Option<Quantity>,
    /// How long one attempt may be silent, in seconds. It has no effect on a function that is called
    /// and answers (`facts/asl.md` 6).
    pub heartbeat: Option<Quantity>,
    /// Whose rights the call has on AWS; here it is only shown in the history.
    pub credentials: Option<Template>,
    /// What becomes of the result, and of errors.
    pub work: Work,
}

/// What a Task calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its ARN as written, or the one that the function has here.
    pub arn: Arc<str>,
    /// How it is called.
    pub call: Call,
    /// Where the function is named in the text, in bytes.
    pub(crate) place: PlaceEq,
}

/// How a function is called.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// By its own ARN or name: its event is the effective input, and its answer the result.
    Function(Name),
    /// By `arn:aws:states:::lambda:invoke`: `FunctionName` and `Payload` are parameters, and the answer
    /// is wrapped.
    Invoke {
        /// The function, if it is named in the file; otherwise each call says which one.
        function: Option<Name>,
        /// `.waitForTaskToken`: the function's answer is not the result. Somebody gives it by the token
        /// that the context object tells.
        waits_for_token: bool,
    },
}

impl Resource {
    /// The function that is called, if the file says which one.
    pub fn function(&self) -> Option<&Name> {
        match &self.call {
            Call::Function(function) => Some(function),
            Call::Invoke { function, .. } => function.as_ref(),
        }
    }
}

/// A place, which plays no part in whether two definitions are the same.
#[derive(Debug, Clone)]
pub(crate) struct PlaceEq(pub(crate) Place);

impl PartialEq for PlaceEq {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Task> {
    let resource_field = fields.require("Resource", findings);
    let resource = resource_field
        .as_ref()
        .map(|field| read_resource(field, leads.book.machine_type, findings));
    let parameters_field = match leads.language {
        QueryLanguage::JsonPath => fields.take("Parameters"),
        QueryLanguage::Jsonata => fields.take("Arguments"),
    };
    let parameters = arguments(fields, leads, findings);
    let resource = resource.flatten().and_then(|resource| {
        complete(resource, parameters_field.as_ref(), leads.language, findings)
    });
    let waits = resource.as_ref().is_some_and(|resource| {
        matches!(resource.call, Call::Invoke { waits_for_token: true, .. })
    });
    if let (true, Some(field)) = (waits, &resource_field)
        && !parameters_field.as_ref().is_some_and(|field| tells_token(field.node))
    {
        findings
            .warning(TOKEN_UNTOLD, &field.place, "nobody is told the token that is waited for")
            .help(match leads.language {
                QueryLanguage::JsonPath => {
                    "give it to the function: `Payload: { token.$: $$.Task.Token }` in `Parameters`"
                }
                QueryLanguage::Jsonata => {
                    "give it to the function: `Payload: { token: \"{% $states.context.Task.Token %}\" }` in `Arguments`"
                }
            });
    }
    let timeout = quantity(
        fields,
        ["TimeoutSeconds", "TimeoutSecondsPath"],
        1..=SECONDS_MAX,
        leads,
        findings,
    );
    let heartbeat_names = ["HeartbeatSeconds", "HeartbeatSecondsPath"];
    let heartbeat = quantity(fields, heartbeat_names, 1..=SECONDS_MAX, leads, findings);
    if let (Some(Some(Quantity::Literal(timeout))), Some(Some(Quantity::Literal(heartbeat)))) =
        (&timeout, &heartbeat)
        && heartbeat >= timeout
        && let Some(field) = fields.take("HeartbeatSeconds")
    {
        findings.error(
            OUT_OF_RANGE,
            &field.place,
            "`HeartbeatSeconds` must be smaller than `TimeoutSeconds`",
        );
    }
    let credentials = read_credentials(fields, leads, findings);
    let work = work::read(fields, leads, findings);
    Some(Task {
        resource: resource?,
        parameters: parameters?,
        timeout: timeout?,
        heartbeat: heartbeat?,
        credentials: credentials?,
        work: work?,
    })
}

/// Whether something in the parameters may tell the task's token: a path into that part of the context object,
/// or to all of it.
fn tells_token(node: &Node) -> bool {
    if let Some(text) = node.as_str() {
        return ["$$.Task", "$$['Task']", "$states.context"].iter().any(|way| text.contains(way))
            || text.trim() == "$$";
    }
    let of_members = node.as_object().into_iter().flatten().map(|member| &member.node);
    let of_items = node.as_array().into_iter().flatten();
    of_members.chain(of_items).any(tells_token)
}

#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
fn read_credentials(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Template>> {
    if let Some(field) = fields.take("Credentials") {
        let mut inner = Fields::of(field.node, &field.place, findings)?;
        let named = leads.language == QueryLanguage::JsonPath && inner.take("RoleArn.$").is_some();
        if !named {
            let first = findings.count();
            let role = inner.require("RoleArn", findings);
            for finding in findings.since(first) {
                finding.aws("The field 'RoleArn' is required but was missing");
            }
            role?.string(findings)?;
        }
        inner.finish_in_doubt("`Credentials`", findings);
    }
    match leads.language {
        QueryLanguage::JsonPath => template(fields, "Credentials", leads.language, findings),
        QueryLanguage::Jsonata => {
            jsonata::template(fields, "Credentials", Site::Plain, leads, findings)
        }
    }
}

/// What `arn:aws:states:::lambda:invoke` needs beside the resource.
fn complete(
    mut resource: Resource,
    parameters: Option<&Field<'_>>,
    language: QueryLanguage,
    findings: &mut Findings,
) -> Option<Resource> {
    let Call::Invoke { function, .. } = &mut resource.call else { return Some(resource) };
    // Without `Parameters`, the state's input says it all.
    let Some(field) = parameters else { return Some(resource) };
    if language == QueryLanguage::Jsonata && field.node.as_str().is_some_and(is_delimited) {
        // What it comes to says it all.
        return Some(resource);
    }
    let mut parameters = Fields::of(field.node, &field.place, findings)?;
    let computed = match language {
        QueryLanguage::JsonPath => parameters.take("FunctionName.$"),
        QueryLanguage::Jsonata => parameters
            .take("FunctionName")
            .filter(|field| field.node.as_str().is_some_and(is_delimited)),
    };
    let named = if let Some(field) = computed {
        resource.place = PlaceEq(field.place);
        parameters.pass_over(&["FunctionName"]);
        Some(None)
    } else {
        parameters.require("FunctionName", findings).map(Some)
    };
    // The template has them: `facts/asl.md` 13.1.
    parameters.pass_over(&["Payload", "Payload.$"]);
    check_invocation(&mut parameters, findings);
    parameters.finish_in_doubt(&format!("`{}` of `lambda:invoke`", field.name), findings);
    if let Some(field) = named? {
        let text = field.string(findings)?;
        // A parameter like any other: AWS looks at it when it calls.
        *function = Some(function_name(text).unwrap_or(text).into());
        resource.place = PlaceEq(field.place);
    }
    Some(resource)
}

fn is_delimited(text: &str) -> bool {
    Jsonata::delimited(text).is_some()
}

/// How `lambda:invoke` is to call: what would have an effect on AWS and has none here is refused.
fn check_invocation(parameters: &mut Fields<'_>, findings: &mut Findings) {
    if let Some(kind) = parameters.take("InvocationType") {
        match kind.node.as_str() {
            Some("RequestResponse") => {}
            Some(text) if is_delimited(text) => not_computed(&kind, findings),
            Some(other @ ("Event" | "DryRun")) => {
                let message = format!("the invocation type `{other}` is not supported yet");
                findings.error(UNSUPPORTED, &kind.place, message).help("use `RequestResponse`");
            }
            _ => {
                findings.error(
                    OUT_OF_RANGE,
                    &kind.place,
                    "`InvocationType` must be `RequestResponse`, `Event` or `DryRun`",
                );
            }
        }
    }
    if let Some(kind) = parameters.take("LogType") {
        match kind.node.as_str() {
            Some("None") => {}
            Some(text) if is_delimited(text) => not_computed(&kind, findings),
            Some("Tail") => {
                let message = "the log type `Tail` is not supported yet";
                findings.error(UNSUPPORTED, &kind.place, message).help("leave out `LogType`");
            }
            _ => {
                let message = "`LogType` must be `None` or `Tail`";
                findings.error(OUT_OF_RANGE, &kind.place, message);
            }
        }
    }
    for name in ["InvocationType.$", "LogType.$", "ClientContext", "ClientContext.$"] {
        if let Some(field) = parameters.take(name) {
            not_computed(&field, findings);
        }
    }
    for name in ["Qualifier", "Qualifier.$"] {
        if let Some(field) = parameters.take(name) {
            let message =
                format!("`{name}` has no effect here: a function has no versions and aliases");
            findings
                .warning(NO_EFFECT, &field.place, message)
                .help("it is shown in the history only");
        }
    }
}

/// For a parameter of `lambda:invoke` that is not known before the call.
fn not_computed(field: &Field<'_>, findings: &mut Findings) {
    let message = format!("`{}` of `lambda:invoke` is not supported yet", field.name);
    let finding = findings.error(UNSUPPORTED, &field.place, message);
    finding.help(match field.name {
        "InvocationType" | "InvocationType.$" => {
            "write `InvocationType: RequestResponse`, or leave it out"
        }
        "LogType" | "LogType.$" => "leave it out",
        _ => "give the function what it needs in `Payload`",
    });
}

/// A version, an alias or `$LATEST`.
fn is_qualifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "$-_".contains(c))
}

fn not_a_function(field: &Field<'_>, text: &str, findings: &mut Findings) {
    findings
        .error(RESOURCE, &field.place, format!("`{text}` is neither a function's name nor its ARN"))
        .help("a function's name has letters, digits, `-` and `_`");
}

fn read_resource(
    field: &Field<'_>,
    machine_type: MachineType,
    findings: &mut Findings,
) -> Option<Resource> {
    let text = field.string(findings)?;
    let place = PlaceEq(field.place.clone());
    let parts = reference::parts(text);
    match parts.as_slice() {
        ["arn", _, "states", _, _, "lambda", action @ ("invoke" | "invoke.waitForTaskToken")]
            if *action == "invoke" || machine_type == MachineType::Standard =>
        {
            let call = Call::Invoke { function: None, waits_for_token: *action != "invoke" };
            return Some(Resource { arn: text.into(), call, place });
        }
        ["arn", _, "states", ..] => {
            refuse_integration(field, text, machine_type, findings);
            return None;
        }
        ["arn", rest @ ..] if !rest.contains(&"lambda") => {
            refuse_integration(field, text, machine_type, findings);
            return None;
        }
        _ => {}
    }
    let Some(function) = function_name(text) else {
        not_a_function(field, text, findings);
        return None;
    };
    if let ["arn", _, "lambda", _, _, "function", _, qualifier, ..] = parts.as_slice()
        && !is_qualifier(qualifier)
    {
        let message = format!("`{qualifier}` is no version or alias of a function");
        findings
            .error(RESOURCE, &field.place, message)
            .help("end the ARN in the function's name, or in `:` and a version or alias");
        return None;
    }
    let call = Call::Function(function.into());
    if text.starts_with("arn:") {
        return Some(Resource { arn: text.into(), call, place });
    }
    let arn = format!("{LOCAL_LAMBDA_ARN_PREFIX}{text}").into();
    Some(Resource { arn, call, place })
}

/// Says why an ARN that is no function's cannot be called: AWS does not know it, an Express workflow cannot
/// call it, or it is not supported yet.
fn refuse_integration(
    field: &Field<'_>,
    arn: &str,
    machine_type: MachineType,
    findings: &mut Findings,
) {
    const SUPPORTED: &str =
        "call a function by its name or its Lambda ARN, or `arn:aws:states:::lambda:invoke`";
    let integration = integration::read(arn);
    if machine_type == MachineType::Express {
        // AWS's wording (`facts/asl.md` 13), with the blank at the end of one.
        let refusal = match integration {
            Integration::Activity(_) => Some(("an activity", "Activity ARN")),
            Integration::Action { pattern: Pattern::Sync, .. } => {
                Some(("an action that ends in `.sync`", "'.sync' service integration"))
            }
            Integration::Action { pattern: Pattern::Token, .. } => Some((
                "an action that ends in `.waitForTaskToken`",
                "'.waitForTaskToken' service integration ",
            )),
            Integration::Action { pattern: Pattern::Response, .. } | Integration::Unknown => None,
        };
        if let Some((what, words)) = refusal {
            findings
                .error(RESOURCE, &field.place, format!("an Express workflow cannot call {what}"))
                .help("make the workflow a Standard one")
                .aws(format!("Express state machine does not support {words}"));
            return;
        }
    }
    match integration {
        Integration::Activity(name) => {
            let message = format!("activities such as `{name}` are not supported yet");
            findings.error(UNSUPPORTED, &field.place, message).help(SUPPORTED);
        }
        Integration::Action { service: "lambda", pattern, .. } if pattern != Pattern::Response => {
            let message =
                format!("waiting as in `{arn}` is not supported yet, only for the answer");
            findings.error(UNSUPPORTED, &field.place, message).help(SUPPORTED);
        }
        Integration::Action { service, action, .. } => {
            let message =
                format!("the service `{service}` with its action `{action}` is not supported yet");
            findings.error(UNSUPPORTED, &field.place, message).help(SUPPORTED);
        }
        Integration::Unknown if arn.split(':').nth(2) != Some("states") => {
            let message = format!("calling `{arn}` is not supported yet");
            findings.error(UNSUPPORTED, &field.place, message).help(SUPPORTED);
        }
        Integration::Unknown => {
            // AWS's wording (`facts/asl.md` 13).
            let aws = format!(
                "The resource provided {arn} is not recognized. The value is not a valid resource ARN, or \
                 the resource is not available in this region."
            );
            let message = format!("`{arn}` is nothing that a Task can call");
            findings.error(RESOURCE, &field.place, message).help(SUPPORTED).aws(aws);
        }
    }
}
