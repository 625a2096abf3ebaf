//! What a component is made of, counted before it is compiled: one that the pool has no room for is refused
//! in the time it takes to read its sections.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Parser, Payload,
};

use crate::component::LoadError;
use crate::engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use crate::limits::{LINEAR_MEMORY_BYTES_MAX, TABLE_ELEMENTS_MAX};

/// The size of a page of memory, as a power of two, where a memory does not say another.
const PAGE_SIZE_LOG2: u32 = 16;

/// Refuses a component that has more core instances, memories or tables than there is room for, or larger ones.
///
/// Counts what the file itself says, instances of inner components included; what is imported counts nothing. So
/// what passes may still be refused later, and what is refused could never run. What cannot be read passes:
/// the compiler says what is wrong with it.
pub(crate) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let mut scan = Scan::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Ok(()) };
        // Validation has its own words for a section that cannot be read.
        if scan.take(payload).is_none() {
            return Ok(());
        }
        scan.refused()?;
    }
    Ok(())
}

/// What one instance of a module or component takes.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    core_instances: u64,
    memories: u64,
    tables: u64,
    /// Of the largest memory.
    memory_bytes: u64,
    /// Of the largest table.
    table_elements: u64,
}

impl Size {
    /// Counts are saturated: components that instantiate each other grow without bound.
    fn add(&mut self, other: Self) {
        self.core_instances = self.core_instances.saturating_add(other.core_instances);
        self.memories = self.memories.saturating_add(other.memories);
        self.tables = self.tables.saturating_add(other.tables);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.table_elements = self.table_elements.max(other.table_elements);
    }
}

/// A module or component that is being read, with the index spaces of its own that matter.
#[derive(Debug)]
struct Frame {
    encoding: Encoding,
    size: Size,
    modules: Vec<Size>,
    components: Vec<Size>,
}

#[derive(Debug, Default)]
struct Scan {
    /// The outermost first.
    frames: Vec<Frame>,
}

impl Scan {
    /// Takes up the next part of the file. `None` where it makes no sense.
    fn take(&mut self, payload: Payload<'_>) -> Option<()> {
        match payload {
            Payload::Version { encoding, .. } => {
                let (modules, components) = (Vec::new(), Vec::new());
                self.frames.push(Frame { encoding, size: Size::default(), modules, components });
                return Some(());
            }
            Payload::End(_) => return self.end(),
            Payload::ComponentAliasSection(aliases) => {
                return aliases.into_iter().try_for_each(|alias| self.alias(&alias.ok()?));
            }
            _ => {}
        }
        let frame = self.frames.last_mut()?;
        match payload {
            Payload::MemorySection(memories) => memories.into_iter().try_for_each(|memory| {
                let memory = memory.ok()?;
                let page = memory.page_size_log2.unwrap_or(PAGE_SIZE_LOG2);
                let memory_bytes = memory.initial.saturating_mul(1_u64.checked_shl(page)?);
                frame.size.add(Size { memories: 1, memory_bytes, ..Size::default() });
                Some(())
            }),
            Payload::TableSection(tables) => tables.into_iter().try_for_each(|table| {
                let table_elements = table.ok()?.ty.initial;
                frame.size.add(Size { tables: 1, table_elements, ..Size::default() });
                Some(())
            }),
            Payload::InstanceSection(instances) => instances.into_iter().try_for_each(|instance| {
                if let Instance::Instantiate { module_index, .. } = instance.ok()? {
                    let module = *frame.modules.get(module_index as usize)?;
                    frame.size.add(module);
                    frame.size.add(Size { core_instances: 1, ..Size::default() });
                }
                Some(())
            }),
            Payload::ComponentInstanceSection(instances) => {
                instances.into_iter().try_for_each(|instance| {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance.ok()? {
                        let component = *frame.components.get(component_index as usize)?;
                        frame.size.add(component);
                    }
                    Some(())
                })
            }
            Payload::ComponentImportSection(imports) => {
                imports.into_iter().try_for_each(|import| {
                    match import.ok()?.ty {
                        ComponentTypeRef::Module(_) => frame.modules.push(Size::default()),
                        ComponentTypeRef::Component(_) => frame.components.push(Size::default()),
                        _ => {}
                    }
                    Some(())
                })
            }
            // What is exported has an index of its own from then on.
            Payload::ComponentExportSection(exports) => {
                exports.into_iter().try_for_each(|export| {
                    let export = export.ok()?;
                    let space = frame.space(export.kind);
                    if let Some(space) = space {
                        let size = *space.get(export.index as usize)?;
                        space.push(size);
                    }
                    Some(())
                })
            }
            _ => Some(()),
        }
    }

    /// A module or component is over: it is the next of its kind in the one around it.
    fn end(&mut self) -> Option<()> {
        // The outermost one stays, to be judged.
        if self.frames.len() > 1 {
            let inner = self.frames.pop()?;
            let outer = self.frames.last_mut()?;
            match inner.encoding {
                Encoding::Module => outer.modules.push(inner.size),
                Encoding::Component => outer.components.push(inner.size),
            }
        }
        Some(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Option<()> {
        match *alias {
            ComponentAlias::InstanceExport { kind, .. } => {
                if let Some(space) = self.frames.last_mut()?.space(kind) {
                    space.push(Size::default());
                }
            }
            ComponentAlias::Outer { kind, count, index } => {
                let outer = self.frames.len().checked_sub(1 + count as usize)?;
                let kind = match kind {
                    ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {
                        return Some(());
                    }
                };
                let size = *self.frames.get_mut(outer)?.space(kind)?.get(index as usize)?;
                self.frames.last_mut()?.space(kind)?.push(size);
            }
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
        Some(())
    }

    /// Judges what has been read of the outermost component.
    fn refused(&self) -> Result<(), LoadError> {
        let Some(Frame { size, .. }) = self.frames.first() else { return Ok(()) };
        let bounds = [
            (size.core_instances, u64::from(CORE_INSTANCES_MAX), "core instances"),
            (size.memories, u64::from(MEMORIES_MAX), "memories"),
            (size.tables, u64::from(TABLES_MAX), "tables"),
            (size.memory_bytes, LINEAR_MEMORY_BYTES_MAX as u64, "bytes in a memory"),
            (size.table_elements, TABLE_ELEMENTS_MAX as u64, "elements in a table"),
        ];
        match bounds.into_iter().find(|(found, most, _)| found > most) {
            None => Ok(()),
            Some((u64::MAX, most, what)) => {
                let reason = format!("it has {what} beyond number, the most is {most}");
                Err(LoadError::TooLarge { reason })
            }
            Some((found, most, what)) => {
                let reason = format!("it has at least {found} {what}, the most is {most}");
                Err(LoadError::TooLarge { reason })
            }
        }
    }
}

impl Frame {
    /// The index space of modules or components.
    fn space(&mut self, kind: ComponentExternalKind) -> Option<&mut Vec<Size>> {
        match kind {
            ComponentExternalKind::Module => Some(&mut self.modules),
            ComponentExternalKind::Component => Some(&mut self.components),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn told(text: &str) -> Option<String> {
        let bytes = wat::parse_str(text).unwrap();
        check(&bytes).err().map(|error| error.to_string())
    }

    fn refused(text: &str, reason: &str) {
        let expected = format!("the component is too large to run here: {reason}");
        assert_eq!(told(text), Some(expected));
    }

    /// A component with this many instances of a module that has these fields.
    fn instances(count: usize, fields: &str) -> String {
        let instance = "(core instance (instantiate $m))";
        format!("(component (core module $m {fields}) {})", instance.repeat(count))
    }

    #[test]
    fn core_instances_memories_and_tables_are_counted_over_all_instances() {
        assert_eq!(told(&instances(64, "")), None);
        refused(&instances(65, ""), "it has at least 65 core instances, the most is 64");
        assert_eq!(told(&instances(2, "(memory 1) (memory 1)")), None);
        refused(
            &instances(3, "(memory 1) (memory 1)"),
            "it has at least 6 memories, the most is 4",
        );
        assert_eq!(told(&instances(8, "(table 1 funcref)")), None);
        refused(&instances(9, "(table 1 funcref)"), "it has at least 9 tables, the most is 8");
    }

    #[test]
    fn a_memory_or_table_that_is_too_large_from_the_start_is_refused() {
        assert_eq!(told(&instances(1, "(memory 65536)")), None);
        refused(
            &instances(1, "(memory i64 65537)"),
            "it has at least 4295032832 bytes in a memory, the most is 4294967296",
        );
        assert_eq!(told(&instances(1, "(table 100000 funcref)")), None);
        refused(
            &instances(1, "(table 100001 funcref)"),
            "it has at least 100001 elements in a table, the most is 100000",
        );
    }

    /// Components each of which instantiates the one before it twice.
    fn doubling(levels: usize) -> String {
        let mut text = String::from(
            "(component (component $c0 (core module $m) (core instance (instantiate $m)))",
        );
        for level in 1..=levels {
            let inner = level - 1;
            _ = write!(
                text,
                "(component $c{level} (alias outer 1 $c{inner} (component $it))
                   (instance (instantiate $it)) (instance (instantiate $it)))"
            );
        }
        _ = write!(text, "(instance (instantiate $c{levels})))");
        text
    }

    #[test]
    fn components_that_instantiate_each_other_are_counted_through_without_being_unfolded() {
        assert_eq!(told(&doubling(6)), None);
        refused(&doubling(7), "it has at least 128 core instances, the most is 64");
        refused(&doubling(90), "it has core instances beyond number, the most is 64");
    }

    #[test]
    fn what_is_exported_imported_or_aliased_has_its_place_among_the_others() {
        let text = r#"(component
            (import "m" (core module $none))
            (core module $m (memory 1) (memory 1) (memory 1))
            (export $exported "it" (core module $m))
            (core instance (instantiate $exported))
            (core instance (instantiate $none))
            (component $inner (alias outer 1 $m (core module $mine))
              (core instance (instantiate $mine)))
            (instance (instantiate $inner)))"#;
        refused(text, "it has at least 6 memories, the most is 4");
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_compiler() {
        let whole = wat::parse_str(instances(65, "")).unwrap();
        for length in 0..whole.len() / 2 {
            assert!(check(&whole[..length]).is_ok());
        }
    }
}
