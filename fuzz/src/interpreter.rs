//! A component that does what its event says: a small machine whose instructions are calls of the host.
//!
//! It is compiled once, and a fuzzer's input is only an event, so there are thousands of runs a second
//! where compiling a component for each would leave tens.
//!
//! The event has two letters for each byte of the program, `a` for 0 to `p` for 15. Instructions:
//!
//! ```text
//!   0 CALL   index u16, count u8, arguments   puts the result at RESULT
//!     an argument: 0 u8 | 1 u64 | 2 address u32 of an i32
//!   1 STORE  address u32, length u16, bytes
//!   2 COPY   to u32, from u32, guard u32, value u8    an i32, if the byte at the guard has that value
//!   3 REPEAT offset u16, count u16            so many times more from there on
//!   4 FIRST  to u32, list u32                 the i32 that a list begins with, if it has an element
//! ```

use std::fmt::Write;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::WasmType;

use crate::interface::Interface;

pub const CALL: u8 = 0;
pub const STORE: u8 = 1;
pub const COPY: u8 = 2;
pub const REPEAT: u8 = 3;
pub const FIRST: u8 = 4;

/// What a call gave.
pub const RESULT: u32 = 128;
/// Handles, four bytes each.
pub const REGISTERS: u32 = 512;
/// Texts that mean something to the host.
pub const WORDS: u32 = 2_048;
/// Where calls leave results that are more than a number.
pub const RETURNED: u32 = 4_096;
/// What programs store, up to [`PROGRAM`].
pub const DATA: u32 = 8_192;
/// The program.
pub const PROGRAM: u32 = 65_536;
/// The most bytes of a program.
pub const PROGRAM_BYTES_MAX: usize = 60_000;
/// Memory from here on is the host's to fill.
const HEAP: u32 = PROGRAM + 65_536;

/// The component, which imports every function of the host.
pub fn component(interface: &Interface, words: &[&str]) -> Vec<u8> {
    let module = module(interface, words);
    let mut encoder = ComponentEncoder::default().module(&module).expect("its types are embedded");
    encoder.validate(true).encode().expect("the interpreter is a component")
}

/// The same before it is made a component.
pub fn module(interface: &Interface, words: &[&str]) -> Vec<u8> {
    let (mut imports, mut thunks, mut names) = (String::new(), String::new(), String::new());
    for (index, call) in interface.calls.iter().enumerate() {
        let (module, name) = (&call.module, &call.name);
        let params: Vec<_> = call.signature.params.iter().map(core_type).collect();
        let results: Vec<_> = call.signature.results.iter().map(core_type).collect();
        let (params_text, results_text) = (params.join(" "), results.join(" "));
        _ = writeln!(
            imports,
            "(import {module:?} {name:?} (func $f{index} (param {params_text}) (result {results_text})))"
        );
        let mut call = format!("(call $f{index}");
        for (place, param) in params.iter().enumerate() {
            let load = format!("(i64.load (i32.const {}))", PARAMS + 8 * place);
            _ = match *param {
                "i32" => write!(call, " (i32.wrap_i64 {load})"),
                _ => write!(call, " {load}"),
            };
        }
        call.push(')');
        let kept = match results.first() {
            None => call,
            Some(&"i32") => format!("(i64.store (i32.const {RESULT}) (i64.extend_i32_u {call}))"),
            Some(_) => format!("(i64.store (i32.const {RESULT}) {call})"),
        };
        _ = writeln!(thunks, "(func $t{index} (type $thunk) {kept})");
        _ = write!(names, " $t{index}");
    }
    let words = words.concat();
    let escaped: String = words.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    assert!(WORDS as usize + words.len() <= RETURNED as usize);
    let text = MACHINE
        .replace("IMPORTS", &imports)
        .replace("THUNKS", &thunks)
        .replace("NAMES", &names)
        .replace("TEXTS", &format!("(data (i32.const {WORDS}) \"{escaped}\")"))
        .replace("$PARAMS", &PARAMS.to_string())
        .replace("$PROGRAM", &PROGRAM.to_string())
        .replace("$HEAP", &HEAP.to_string());
    with_types(interface, &text)
}

/// A module that imports everything and does nothing.
pub fn imports(interface: &Interface) -> Vec<u8> {
    let mut text = String::from("(module\n");
    for call in &interface.calls {
        let (module, name) = (&call.module, &call.name);
        let params: Vec<_> = call.signature.params.iter().map(core_type).collect();
        let results: Vec<_> = call.signature.results.iter().map(core_type).collect();
        let (params, results) = (params.join(" "), results.join(" "));
        _ = writeln!(
            text,
            "(import {module:?} {name:?} (func (param {params}) (result {results})))"
        );
    }
    text.push(')');
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A module's text as bytes, with the world in it.
pub fn with_types(interface: &Interface, text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    embed(interface, &mut module);
    module
}

/// Puts the world into a module.
pub fn embed(interface: &Interface, module: &mut Vec<u8>) {
    let Interface { resolve, world, .. } = interface;
    embed_component_metadata(module, resolve, *world, StringEncoding::UTF8)
        .expect("the world can be written down");
}

fn core_type(of: &WasmType) -> &'static str {
    match of {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 | WasmType::F64 => panic!("no host function takes or gives a float"),
    }
}

/// The arguments of a call, eight bytes each.
const PARAMS: usize = 256;

const MACHINE: &str = r#"
(module
  (type $thunk (func))
  IMPORTS
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const $HEAP))
  (global $at (mut i32) (i32.const 0))
  (table funcref (elem NAMES))
  (data (i32.const 64) "null")
  TEXTS
  THUNKS

  ;; Where memory ends, what is given lies outside of it, and the host has to see that.
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $to i32) (local $missing i32)
    (local.set $to (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $to) (local.get $size)))
    (if (i32.lt_u (global.get $next) (local.get $to)) (then
      (global.set $next (local.get $to)) (return (i32.const -8))))
    (local.set $missing (i32.sub
      (i32.add (i32.shr_u (global.get $next) (i32.const 16)) (i32.const 1)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0)) (then
      (drop (memory.grow (local.get $missing)))))
    (local.get $to))

  (func $u8 (result i32)
    (i32.load8_u (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 1))))
  (func $u16 (result i32)
    (i32.load16_u (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 2))))
  (func $u32 (result i32)
    (i32.load (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 4))))
  (func $u64 (result i64)
    (i64.load (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 8))))

  (func $argument (result i64)
    (local $kind i32)
    (local.set $kind (call $u8))
    (if (i32.eqz (local.get $kind)) (then (return (i64.extend_i32_u (call $u8)))))
    (if (i32.eq (local.get $kind) (i32.const 1)) (then (return (call $u64))))
    (i64.load32_u (call $u32)))

  (func $call
    (local $index i32) (local $count i32) (local $to i32)
    (local.set $index (call $u16))
    (local.set $count (call $u8))
    (local.set $to (i32.const $PARAMS))
    (block $done (loop $more
      (br_if $done (i32.eqz (local.get $count)))
      (i64.store (local.get $to) (call $argument))
      (local.set $to (i32.add (local.get $to) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $more)))
    (call_indirect (type $thunk) (local.get $index)))

  (func $store
    (local $to i32) (local $length i32)
    (local.set $to (call $u32))
    (local.set $length (call $u16))
    (memory.copy (local.get $to) (global.get $at) (local.get $length))
    (global.set $at (i32.add (global.get $at) (local.get $length))))

  (func $copy
    (local $to i32) (local $from i32) (local $guard i32)
    (local.set $to (call $u32))
    (local.set $from (call $u32))
    (local.set $guard (call $u32))
    (if (i32.eq (call $u8) (i32.load8_u (local.get $guard))) (then
      (i32.store (local.get $to) (i32.load (local.get $from))))))

  (func $repeat
    (local $from i32) (local $count i32)
    (local.set $from (i32.add (i32.const $PROGRAM) (call $u16)))
    (local.set $count (i32.load16_u (global.get $at)))
    (if (i32.eqz (local.get $count)) (then
      (drop (call $u16)) (return)))
    (i32.store16 (global.get $at) (i32.sub (local.get $count) (i32.const 1)))
    (global.set $at (local.get $from)))

  (func $first
    (local $to i32) (local $list i32)
    (local.set $to (call $u32))
    (local.set $list (call $u32))
    (if (i32.load offset=4 (local.get $list)) (then
      (i32.store (local.get $to) (i32.load (i32.load (local.get $list)))))))

  (func (export "stepwell:task/handler@0.1.0#handle") (param $event i32) (param $length i32) (result i32)
    (local $end i32) (local $to i32)
    (local.set $end (i32.add (i32.const $PROGRAM) (i32.shr_u (local.get $length) (i32.const 1))))
    (local.set $to (i32.const $PROGRAM))
    (block $decoded (loop $more
      (br_if $decoded (i32.ge_u (local.get $to) (local.get $end)))
      (i32.store8 (local.get $to) (i32.or
        (i32.shl (i32.sub (i32.load8_u (local.get $event)) (i32.const 97)) (i32.const 4))
        (i32.sub (i32.load8_u offset=1 (local.get $event)) (i32.const 97))))
      (local.set $event (i32.add (local.get $event) (i32.const 2)))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (br $more)))
    (global.set $at (i32.const $PROGRAM))
    (block $ended (loop $next
      (br_if $ended (i32.ge_u (global.get $at) (local.get $end)))
      (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
        (br_table $0 $1 $2 $3 $4 $5 (call $u8)))
        (call $call) (br $next))
        (call $store) (br $next))
        (call $copy) (br $next))
        (call $repeat) (br $next))
        (call $first) (br $next))))
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (i32.const 64))
    (i32.store (i32.const 24) (i32.const 4))
    (i32.const 16)))
"#;
