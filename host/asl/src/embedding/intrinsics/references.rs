//! What names in a template refer to: parameters, resources with their attributes, and what stands for
//! those that only a deployment knows.

use super::super::resources::{Kind, function_arn};
use super::super::{ACCOUNT_ID, PSEUDO_PARAMETERS, REFERENCES_MAX, REGION};
use super::{Intrinsics, span_of};
use crate::finding::Place;
use crate::node::{Node, NodeKind};

impl Intrinsics<'_, '_, '_> {
    /// `Ref`.
    pub(super) fn reference(&mut self, name: &str, place: &Place) -> Option<Node> {
        let string = |text: String| Some(Node::string(text, &place.span));
        if name == "AWS::NoValue" {
            return None;
        }
        if let Some(member) = self.scope.parameters.and_then(|parameters| parameters.get(name)) {
            return Some(self.parameter(name, &member.node, place));
        }
        if let Some(value) = self.reading.values.get(name) {
            return string(value.clone());
        }
        let stem = self.reading.stem;
        if let Some((_, value)) = PSEUDO_PARAMETERS.iter().find(|(known, _)| *known == name) {
            return string((*value).to_owned());
        }
        match name {
            "AWS::StackName" => return string(stem.to_owned()),
            "AWS::StackId" => {
                return string(format!(
                    "arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{stem}/0"
                ));
            }
            "AWS::NotificationARNs" => {
                let kind = NodeKind::Array(Vec::new());
                return Some(Node { kind, tag: None, span: place.span.clone() });
            }
            _ => {}
        }
        if let Some(deployed) = self.scope.functions.and_then(|functions| functions.get(name)) {
            return string(deployed.clone());
        }
        // What SAM makes of `AutoPublishAlias`.
        if let Some((function, "Alias" | "Version")) = name.split_once('.')
            && let Some((kind, name)) = self.resource(function)
        {
            return string(kind.arn(&name));
        }
        if let Some(arn) = self.published(name, place) {
            return string(arn);
        }
        match self.resource(name) {
            Some((kind, physical)) => string(kind.reference(&physical)),
            None if self.reading.added_function(name).is_some() => {
                string(self.reading.added_function(name).unwrap_or_default().to_owned())
            }
            None => {
                let why = match self.scope.resources.and_then(|resources| resources.get(name)) {
                    Some(_) => "a deployment gives it",
                    None => "it is neither a parameter nor a resource of the file",
                };
                string(self.reading.unresolved(name, why, place))
            }
        }
    }

    /// `Fn::GetAtt`.
    pub(super) fn attribute(
        &mut self,
        resource: &str,
        attribute: &str,
        place: &Place,
    ) -> Option<String> {
        let name = format!("{resource}.{attribute}");
        if let Some(value) = self.reading.values.get(&name) {
            return Some(value.clone());
        }
        if attribute == "Arn"
            && let Some(deployed) = self.scope.functions.and_then(|all| all.get(resource))
        {
            return Some(function_arn(deployed));
        }
        let in_template = self.scope.resources.is_some_and(|all| all.get(resource).is_some());
        if attribute == "Arn"
            && !in_template
            && let Some(name) = self.reading.added_function(resource)
        {
            return Some(function_arn(name));
        }
        // `${Function.Alias}` within `Fn::Sub` is a `Ref`.
        if matches!(attribute, "Alias" | "Version") {
            return self.reference(&name, place)?.scalar_text();
        }
        let known = self
            .resource(resource)
            .and_then(|(kind, physical)| kind.attribute(&physical, attribute));
        Some(match known {
            Some(value) => value,
            None => self.reading.unresolved(&name, "a deployment gives it", place),
        })
    }

    /// `Resource.Attribute`, or both in a list.
    pub(super) fn attribute_names(
        &mut self,
        argument: &Node,
        place: &Place,
    ) -> Option<(String, String)> {
        if let Some(text) = argument.as_str() {
            let (resource, attribute) = text.split_once('.')?;
            return Some((resource.to_owned(), attribute.to_owned()));
        }
        let [resource, attributes @ ..] = argument.as_array()? else { return None };
        let resource = resource.as_str()?.to_owned();
        let attributes: Vec<String> = attributes
            .iter()
            .map(|attribute| self.resolve(attribute, place)?.scalar_text())
            .collect::<Option<_>>()?;
        (!attributes.is_empty()).then(|| (resource, attributes.join(".")))
    }

    /// A parameter's value: the one given, or its default.
    fn parameter(&mut self, name: &str, parameter: &Node, place: &Place) -> Node {
        let kind = parameter.at(&["Type"]).and_then(Node::as_str).unwrap_or("String");
        let of_store = kind.starts_with("AWS::SSM::Parameter::Value");
        let given = self.reading.values.get(name).cloned();
        let default = parameter.at(&["Default"]).and_then(Node::scalar_text);
        let Some(value) = given.or(default.filter(|_| !of_store)) else {
            let why = if of_store {
                "it stands in the parameter store"
            } else {
                "the parameter has no default"
            };
            return Node::string(self.reading.unresolved(name, why, place), &place.span);
        };
        let kind = if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            let items = value.split(',').map(|item| Node::string(item.trim(), &place.span));
            NodeKind::Array(items.collect())
        } else if kind == "Number"
            && let Ok(number) = value.trim().parse()
        {
            NodeKind::Number(number)
        } else {
            NodeKind::String(value)
        };
        Node { kind, tag: None, span: place.span.clone() }
    }

    /// A resource whose type is known: the type, and what the resource is called.
    pub(in crate::embedding) fn resource(&mut self, name: &str) -> Option<(&'static Kind, String)> {
        let resource = self.scope.resources?.get(name)?;
        let kind = Kind::of(resource.node.at(&["Type"])?.as_str()?)?;
        let named = resource.node.at(&["Properties", kind.name_property]);
        let followed = self.depth <= REFERENCES_MAX && self.reading.values_left.is_some();
        let physical = named.filter(|_| followed).and_then(|named| {
            self.depth += 1;
            let pointer = format!("/Resources/{name}/Properties/{}", kind.name_property);
            let place = Place { pointer, span: span_of(named, &Place::default()) };
            let text = self.text(named, &place).map(|text| text.text);
            self.depth -= 1;
            let value = Node::string(text?, &place.span);
            let text = Some(value).filter(|value| self.reading.afford(value, &place));
            text?.scalar_text().filter(|text| !text.contains("${"))
        });
        Some((kind, physical.unwrap_or_else(|| name.to_owned())))
    }

    /// `Ref` to a function's alias or version: the function's ARN with a qualifier.
    pub(super) fn published(&mut self, name: &str, place: &Place) -> Option<String> {
        let resource = &self.scope.resources?.get(name)?.node;
        let kind = resource.at(&["Type"])?.as_str()?;
        let qualifier = match kind {
            "AWS::Lambda::Alias" => self.text(resource.at(&["Properties", "Name"])?, place)?.text,
            "AWS::Lambda::Version" => "1".to_owned(),
            _ => return None,
        };
        let function = self.text(resource.at(&["Properties", "FunctionName"])?, place)?.text;
        let arn = if function.starts_with("arn:") { function } else { function_arn(&function) };
        Some(format!("{arn}:{qualifier}"))
    }
}
