//! Everything that a task can call, read from the contract and WASI's own packages below `wit/`.

use std::path::Path;

use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{
    Function, LiftLowerAbi, ManglingAndAbi, Resolve, ResourceIntrinsic, SizeAlign, Type,
    TypeDefKind, TypeId, WasmImport, WorldId, WorldItem,
};

/// Interfaces that a task exports and the host does not have.
const EXPORTED: [&str; 3] = ["handler", "run", "incoming-handler"];

/// Names are those that `wit-component` looks for in a core module.
pub const MANGLING: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// All host functions.
pub struct Interface {
    pub resolve: Resolve,
    pub world: WorldId,
    pub sizes: SizeAlign,
    pub calls: Vec<Call>,
    /// Resources; what is told of one is told by its place here.
    pub resources: Vec<TypeId>,
}

/// A host function as a core module imports it.
pub struct Call {
    pub module: String,
    pub name: String,
    pub signature: WasmSignature,
    pub kind: CallKind,
}

/// What a host function is.
pub enum CallKind {
    Function(Function),
    /// Gives a handle of this resource back.
    Drop(TypeId),
}

impl Interface {
    /// Reads `wit/`.
    pub fn read() -> Self {
        let mut resolve = Resolve::default();
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"));
        resolve.push_path(folder).expect("the contract is valid");
        let mut world = String::from("package stepwell:fuzz;\nworld everything {\n");
        for interface in resolve.interfaces.iter().map(|(id, _)| id) {
            let name = resolve.id_of(interface).expect("interfaces of packages have names");
            let bare = resolve.interfaces[interface].name.as_deref().unwrap_or_default();
            if !EXPORTED.contains(&bare) {
                world.push_str(&format!("  import {name};\n"));
            }
        }
        world.push_str("  export stepwell:task/handler@0.1.0;\n}\n");
        let package = resolve.push_str("everything.wit", &world).expect("the world is valid");
        let world = resolve.select_world(&[package], Some("everything")).expect("it has one world");
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let mut interface =
            Self { resolve, world, sizes, calls: Vec::new(), resources: Vec::new() };
        interface.gather();
        interface
    }

    fn gather(&mut self) {
        let resolve = &self.resolve;
        for (key, import) in &resolve.worlds[self.world].imports {
            let WorldItem::Interface { id, .. } = import else { continue };
            for function in resolve.interfaces[*id].functions.values() {
                let import = WasmImport::Func { interface: Some(key), func: function };
                let (module, name) = resolve.wasm_import_name(MANGLING, import);
                let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
                let kind = CallKind::Function(function.clone());
                self.calls.push(Call { module, name, signature, kind });
            }
            for resource in resolve.interfaces[*id].types.values().copied() {
                if !matches!(resolve.types[resource].kind, TypeDefKind::Resource) {
                    continue;
                }
                let intrinsic = ResourceIntrinsic::ImportedDrop;
                let import =
                    WasmImport::ResourceIntrinsic { interface: Some(key), resource, intrinsic };
                let (module, name) = resolve.wasm_import_name(MANGLING, import);
                let params = vec![WasmType::I32];
                let (indirect_params, retptr) = (false, false);
                let signature =
                    WasmSignature { params, results: Vec::new(), indirect_params, retptr };
                self.resources.push(resource);
                self.calls.push(Call { module, name, signature, kind: CallKind::Drop(resource) });
            }
        }
    }

    /// The place of a resource among all, whatever name it was used under.
    pub fn resource(&self, mut id: TypeId) -> usize {
        while let TypeDefKind::Type(Type::Id(of)) = self.resolve.types[id].kind {
            id = of;
        }
        let index = self.resources.iter().position(|resource| *resource == id);
        index.expect("every handle is of a resource of the world")
    }
}
