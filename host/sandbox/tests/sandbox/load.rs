//! What loads and what does not, and what is said about it.

use stepwell_sandbox::{Component, ComponentKind, Inspection, LoadError};
use wit_component::StringEncoding;

use crate::support::{Guest, NULL, SANDBOX, Setup, built_guest};

fn load(bytes: &[u8]) -> Result<Component, LoadError> {
    Component::load(&SANDBOX, bytes)
}

#[track_caller]
fn refused(bytes: &[u8]) -> LoadError {
    load(bytes).err().expect("it does not load")
}

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_is_no_webassembly_is_told_by_its_beginning() {
    let told = |bytes: &[u8]| refused(bytes).to_string();
    assert_eq!(told(b""), "not a WebAssembly file: it begins with nothing: the file is empty");
    assert_eq!(
        told(b"fn main() {\n    println!()"),
        "not a WebAssembly file: it begins with `fn main() {\\n`"
    );
    assert_eq!(told(b"\x7fELF\x02"), "not a WebAssembly file: it begins with `\\x7fELF\\x02`");
    assert_eq!(told(b"\0asm\x0d"), "not a valid component: the file is cut short");
}

#[test]
fn a_component_cut_anywhere_is_invalid() {
    let whole = Guest::null().component();
    for length in (8..whole.len()).step_by(7) {
        match refused(&whole[..length]) {
            LoadError::Invalid { .. } | LoadError::WrongWorld { .. } => {}
            other => panic!("{length}: {other}"),
        }
    }
    let built = built_guest("hostile");
    assert!(matches!(refused(&built[..built.len() / 2]), LoadError::Invalid { .. }));
}

#[test]
fn garbage_after_the_preamble_is_invalid_and_panics_nowhere() {
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_le_bytes()[3]
    };
    let module = module_with_types("task", NULL);
    let component = Guest::null().component();
    for whole in [module, component] {
        for _ in 0..150 {
            let mut damaged = whole.clone();
            for _ in 0..4 {
                let at =
                    8 + (usize::from(random()) << 8 | usize::from(random())) % (whole.len() - 8);
                damaged[at] = random();
            }
            _ = load(&damaged);
        }
    }
}

#[test]
fn another_world_is_told_by_what_it_exports() {
    let told = refused(&parse("(component)")).to_string();
    assert_eq!(
        told,
        "the component has another world: it exports nothing and not `stepwell:task/handler`"
    );
    let other = Guest::null().export("wasi:cli/run@0.2.3").component();
    let told = refused(&other).to_string();
    assert!(told.contains("it exports `wasi:cli/run@0.2.3` and not"), "{told}");
}

#[tokio::test]
async fn versions_are_compatible_within_a_minor_one() {
    for version in ["0.1.0", "0.1.7"] {
        let guest = Guest::null().export(&format!("stepwell:task/handler@{version}"));
        let invoked = Setup::guest(&guest).invoke("{}").await;
        assert_eq!(invoked.result.as_deref(), Ok("null"), "{version}");
    }
    for version in ["0.2.0", "1.1.0", "0.0.1"] {
        let guest = Guest::null().export(&format!("stepwell:task/handler@{version}"));
        let told = refused(&guest.component()).to_string();
        assert_eq!(
            told,
            format!(
                "the task was built for version {version} of `stepwell:task`; this host runs versions 0.1.x"
            )
        );
    }
}

#[test]
fn imports_that_nobody_offers_are_named() {
    let guest =
        Guest::null().imports(r#"(import "acme:db/sql@1.0.0" (instance)) (import "plain" (func))"#);
    assert_eq!(
        refused(&guest.component()).to_string(),
        "the component imports `acme:db/sql@1.0.0`, `plain`, which the host does not offer"
    );
}

#[test]
fn an_import_of_another_type_does_not_fit() {
    let guest = Guest::null().imports(
        r#"(import "stepwell:task/invocation@0.1.0" (instance
             (export "remaining-time-ms" (func (param "x" u32) (result string)))))"#,
    );
    assert!(matches!(refused(&guest.component()), LoadError::Mismatch { .. }));
}

#[test]
fn a_handler_of_another_type_does_not_fit() {
    let component = parse(
        r#"(component
             (core module $m (func (export "handle") (param i32) (result i32) local.get 0))
             (core instance $i (instantiate $m))
             (func $handle (param "event" u32) (result u32) (canon lift (core func $i "handle")))
             (instance $handler (export "handle" (func $handle)))
             (export "stepwell:task/handler@0.1.0" (instance $handler)))"#,
    );
    assert!(matches!(refused(&component), LoadError::Mismatch { .. }));
    let empty =
        parse(r#"(component (instance $i) (export "stepwell:task/handler@0.1.0" (instance $i)))"#);
    assert!(matches!(refused(&empty), LoadError::Mismatch { .. }));
}

/// A core module with the type information of a world of `wit/`.
fn module_with_types(world: &str, body: &str) -> Vec<u8> {
    let mut module = parse(&format!(
        r#"(module
             (memory (export "memory") 2)
             (data (i32.const 64) "null")
             (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
             (func $ok (param i32 i32) (result i32)
               (i32.store (i32.const 20) (local.get 0)) (i32.store (i32.const 24) (local.get 1))
               (i32.const 16))
             (func (export "stepwell:task/handler@0.1.0#handle") (param i32 i32) (result i32) {body}))"#
    ));
    let mut resolve = wit_parser::Resolve::new();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .unwrap();
    module
}

#[tokio::test]
async fn a_core_module_with_type_information_is_a_task() {
    let component =
        load(&module_with_types("task", NULL)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(component.inspection().kind, ComponentKind::Module);
    let invoked = Setup::of(&SANDBOX, component).invoke("{}").await;
    assert_eq!(invoked.result.as_deref(), Ok("null"));
}

#[test]
fn a_core_module_without_type_information_is_told_so() {
    let plain = parse(r#"(module (func (export "handle")))"#);
    let error = refused(&plain);
    assert!(matches!(error, LoadError::Module { .. }), "{error}");
    let damaged = parse(r#"(module (@custom "component-type:x" "damaged"))"#);
    assert!(matches!(refused(&damaged), LoadError::Module { .. }));
}

#[test]
fn an_inspection_says_what_a_component_wants() {
    let bytes = built_guest("hostile");
    let inspection = Inspection::of(&SANDBOX, &bytes).unwrap();
    assert_eq!(inspection.kind, ComponentKind::Component);
    assert_eq!(inspection.size_bytes, bytes.len());
    assert!(inspection.uses_http && inspection.uses_objects);
    let inspection = Inspection::of(&SANDBOX, &Guest::null().component()).unwrap();
    assert_eq!(inspection.exports, ["stepwell:task/handler@0.1.0"]);
    assert!(inspection.imports.is_empty() && !inspection.uses_http && !inspection.uses_objects);
}
