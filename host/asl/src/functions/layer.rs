//! Layers: what each file says about a function, and what they give together.

use std::collections::BTreeMap;

use super::environment::check_size;
use super::{Architecture, Component, FunctionSettings, Grants, Limits, Reuse};
use crate::finding::{Findings, IDLE_SETTING, Place};
use crate::state::task::PlaceEq;

/// Lambda's own defaults.
const MEMORY_MB_DEFAULT: u32 = 128;
const TIMEOUT_SECONDS_DEFAULT: u32 = 3;
const STORAGE_MB_DEFAULT: u32 = 512;

/// What one place says about a function. What it leaves out, the layer below it says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    pub(crate) code: Option<(Component, Place)>,
    pub(crate) deployed_name: Option<String>,
    pub(crate) other_names: Vec<String>,
    pub(crate) memory_mb: Option<u32>,
    pub(crate) timeout_seconds: Option<u32>,
    pub(crate) fuel: Option<u64>,
    pub(crate) max_fuel: Option<u64>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) environment_place: Place,
    pub(crate) storage_mb: Option<u32>,
    pub(crate) reserved_concurrency: Option<(u32, Place)>,
    pub(crate) limits: Option<Limits>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) reuse: Option<Reuse>,
    pub(crate) grants: Option<Grants>,
    pub(crate) place: Place,
}

/// Layers by the name of their function, in the order of the file.
pub(crate) type Layers = Vec<(String, Layer)>;

impl Layer {
    /// Both together; environment variables are merged, of all else this one's counts.
    pub(crate) fn over(self, below: Self) -> Self {
        let environment_place = if self.environment.is_empty() {
            below.environment_place
        } else {
            self.environment_place
        };
        let mut environment = below.environment;
        environment.extend(self.environment);
        Self {
            code: self.code.or(below.code),
            deployed_name: self.deployed_name.or(below.deployed_name),
            other_names: [below.other_names, self.other_names].concat(),
            memory_mb: self.memory_mb.or(below.memory_mb),
            timeout_seconds: self.timeout_seconds.or(below.timeout_seconds),
            fuel: self.fuel.or(below.fuel),
            max_fuel: self.max_fuel.or(below.max_fuel),
            environment,
            environment_place,
            storage_mb: self.storage_mb.or(below.storage_mb),
            reserved_concurrency: self.reserved_concurrency.or(below.reserved_concurrency),
            limits: self.limits.or(below.limits),
            architecture: self.architecture.or(below.architecture),
            reuse: self.reuse.or(below.reuse),
            grants: self.grants.or(below.grants),
            place: self.place,
        }
    }

    /// Whether a name is one of the function's, whose key in its file is `key`.
    pub(crate) fn is_called(&self, key: &str, name: &str) -> bool {
        key == name
            || self.deployed_name.as_deref() == Some(name)
            || self.other_names.iter().any(|other| other == name)
    }

    /// With Lambda's defaults for what nobody has said.
    pub(crate) fn settle(self, findings: &mut Findings) -> FunctionSettings {
        check_size(&self.environment, &self.environment_place, findings);
        let (code, code_place) = self.code.unzip();
        if let (Some(Component::Stub(_)), Some((_, place))) = (&code, &self.reserved_concurrency) {
            let name = place.name().unwrap_or_default();
            let message = format!("`{name}` has no effect here: stubs are not throttled");
            findings.warning(IDLE_SETTING, place, message);
        }
        FunctionSettings {
            code,
            deployed_name: self.deployed_name,
            other_names: self.other_names,
            memory_mb: self.memory_mb.unwrap_or(MEMORY_MB_DEFAULT),
            timeout_seconds: self.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_DEFAULT),
            fuel: self.fuel,
            max_fuel: self.max_fuel,
            environment: self.environment,
            storage_mb: self.storage_mb.unwrap_or(STORAGE_MB_DEFAULT),
            reserved_concurrency: self.reserved_concurrency.map(|(most, _)| most),
            limits: self.limits,
            architecture: self.architecture.unwrap_or_default(),
            reuse: self.reuse.unwrap_or(Reuse::Fresh),
            grants: self.grants.unwrap_or_default(),
            place: PlaceEq(self.place),
            code_place: PlaceEq(code_place.unwrap_or_default()),
        }
    }
}
