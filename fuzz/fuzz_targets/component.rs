//! No bytes make loading a component panic or hang, whoever loads them twice is told the same, and what
//! loads can be invoked: with an answer or a failure, and with the same fuel again.
//!
//! The first byte chooses what the others are: a file as it is, a file without its head, edits of components
//! that load, a component or a task from `wasm-smith`.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::interface::Interface;
use stepwell_fuzz::trial::{Objects, SANDBOX, invoke_twice};
use stepwell_fuzz::{SAY, interpreter};
use stepwell_sandbox::{Component, Inspection};
use wasm_smith::{Config, Module};

/// Larger files only take longer to compile.
const BYTES_MAX: usize = 1 << 20;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

static INTERFACE: LazyLock<Interface> = LazyLock::new(Interface::read);
static OBJECTS: LazyLock<Objects> = LazyLock::new(Objects::default);

/// Files that load: a small task as a module and as a component. One that imports all there is would take a
/// second to compile.
static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let module = interpreter::with_types(&INTERFACE, TASK);
    let mut encoder = wit_component::ComponentEncoder::default().module(&module).unwrap();
    let component = encoder.encode().unwrap();
    [module, component]
});

/// The exports that `wasm-smith` must make for a module to be a task.
static TASK_SHAPE: LazyLock<Vec<u8>> = LazyLock::new(|| wat::parse_str(TASK).unwrap());

/// All functions of the host, for `wasm-smith` to import some.
static HOST_SHAPE: LazyLock<Vec<u8>> = LazyLock::new(|| interpreter::imports(&INTERFACE));

const TASK: &str = r#"
(module
  (memory (export "memory") 1)
  (data (i32.const 64) "null")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "stepwell:task/handler@0.1.0#handle") (param i32 i32) (result i32)
    (i32.store (i32.const 20) (i32.const 64))
    (i32.store (i32.const 24) (i32.const 4))
    (i32.const 16)))
"#;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let file = match kind % 6 {
        0 => Ok(rest.to_vec()),
        1 => Ok([if kind & 64 == 0 { MODULE } else { COMPONENT }, rest].concat()),
        2 => edited(&FILES[usize::from(kind / 6) % FILES.len()], &mut Unstructured::new(rest)),
        3 => component(&mut Unstructured::new(rest)),
        4 => task(&mut Unstructured::new(rest), false),
        _ => task(&mut Unstructured::new(rest), true),
    };
    if let Ok(file) = file
        && file.len() <= BYTES_MAX
    {
        try_file(&file);
    }
});

fn try_file(file: &[u8]) {
    let [first, second] = [(); 2].map(|()| Component::load(&SANDBOX, file));
    let inspected = Inspection::of(&SANDBOX, file);
    if *SAY {
        eprintln!("{:?}", first.as_ref().map(Component::inspection));
    }
    match (first, second) {
        (Ok(component), Ok(_)) => {
            assert_eq!(Some(component.inspection()), inspected.as_ref().ok());
            invoke_twice(&component, &OBJECTS, r#"{"key": [1, "two", null]}"#);
        }
        (Err(first), Err(second)) => {
            assert_eq!(first.to_string(), second.to_string());
            assert!(!first.to_string().contains('\n'), "{first}");
        }
        _ => panic!("it loaded only once"),
    }
}

/// A file with some bytes changed, left out, put in or doubled.
fn edited(file: &[u8], input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut file = file.to_vec();
    while !input.is_empty() && !file.is_empty() {
        let at = input.choose_index(file.len())?;
        let end = (at + input.int_in_range(0..=32)?).min(file.len());
        match input.int_in_range(0..=4)? {
            0 => file[at] = input.arbitrary()?,
            1 => file[at] ^= 1 << input.int_in_range(0..=7)?,
            2 => drop(file.drain(at..end)),
            3 => {
                let some = file[at..end].to_vec();
                let to = input.choose_index(file.len())?;
                file.splice(to..to, some);
            }
            _ => {
                let count = input.int_in_range(0..=8)?.min(input.len());
                file.splice(at..at, input.bytes(count)?.iter().copied());
            }
        }
    }
    Ok(file)
}

fn component(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(wasm_smith::Component::new(config(), input)?.to_bytes())
}

/// A module that is a task by its exports, with any code in it.
fn task(input: &mut Unstructured<'_>, with_imports: bool) -> Result<Vec<u8>> {
    let config = Config {
        exports: Some(TASK_SHAPE.clone()),
        available_imports: with_imports.then(|| HOST_SHAPE.clone()),
        max_imports: if with_imports { 16 } else { 0 },
        ..config()
    };
    let mut module = Module::new(config, input)?.to_bytes();
    interpreter::embed(&INTERFACE, &mut module);
    Ok(module)
}

/// Small, and of what the sandbox has switched on.
fn config() -> Config {
    Config {
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        // With them every other module has types that need a collector of garbage, which the sandbox has not.
        reference_types_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        max_data_segments: 4,
        max_element_segments: 4,
        max_funcs: 12,
        max_globals: 8,
        max_instructions: 60,
        max_memories: 2,
        max_memory32_bytes: 64 << 20,
        max_table_elements: 10_000,
        max_tables: 3,
        max_type_size: 200,
        ..Config::default()
    }
}
