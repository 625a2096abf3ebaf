//! Components written by hand: the canonical ABI of `handle` around the body of a core function.

use std::fmt::Write;

/// A component whose handler is a core function's body.
///
/// The body sees `$event` and `$length`, the event's text in memory, and gives the address of its
/// answer. It can `(call $ok (i32.const ADDRESS) (i32.const LENGTH))`, and there is a `null` at 64. What
/// is passed to it lies from 1,024 on.
#[derive(Clone)]
pub(crate) struct Guest {
    export: String,
    memory: String,
    realloc: String,
    post_return: Option<String>,
    neighbour: Option<String>,
    imports: String,
    lowered: Vec<(String, String)>,
    core: String,
    body: String,
}

impl Guest {
    /// With this body.
    pub(crate) fn new(body: &str) -> Self {
        Self {
            export: "stepwell:task/handler@0.1.0".to_owned(),
            memory: "4".to_owned(),
            realloc: String::new(),
            post_return: None,
            neighbour: None,
            imports: String::new(),
            lowered: Vec::new(),
            core: String::new(),
            body: body.to_owned(),
        }
    }

    /// That can wait: `(call $wait (i64.const NANOSECONDS))`.
    pub(crate) fn waiting(body: &str) -> Self {
        Self::new(body)
            .imports(WAITING)
            .lower("block", "(param i32)", r#"lower (func $poll "[method]pollable.block")"#)
            .lower(
                "subscribe",
                "(param i64) (result i32)",
                r#"lower (func $clock "subscribe-duration")"#,
            )
            .lower("forget", "(param i32)", "resource.drop $pollable")
            .core(
                "(func $wait (param $nanoseconds i64) (local $pollable i32)
                   (call $block (local.tee $pollable (call $subscribe (local.get $nanoseconds))))
                   (call $forget (local.get $pollable)))",
            )
    }

    /// That can log: `(call $log LEVEL CONTEXT-ADDRESS CONTEXT-LENGTH ADDRESS LENGTH)`.
    pub(crate) fn logging(body: &str) -> Self {
        Self::new(body).imports(LOGGING).lower(
            "log",
            "(param i32 i32 i32 i32 i32)",
            r#"lower (func $logging "log") (memory (core memory $libc "memory"))"#,
        )
    }

    /// That asks for random bytes: `(call $random (i64.const COUNT) (i32.const ANSWER-ADDRESS))`.
    pub(crate) fn random(body: &str) -> Self {
        Self::new(body).imports(RANDOM).lower(
            "random",
            "(param i64 i32)",
            &format!(r#"lower (func $random "get-random-bytes") {WITH_MEMORY}"#),
        )
    }

    /// That looks at the clocks: `(call $now)` gives nanoseconds, `(call $date ANSWER-ADDRESS)` the time of
    /// day; it can wait as well.
    pub(crate) fn watching(body: &str) -> Self {
        Self::waiting(body)
            .imports(WATCHING)
            .lower("now", "(result i64)", r#"lower (func $watch "now")"#)
            .lower("date", "(param i32)", &format!(r#"lower (func $wall "now") {WITH_MEMORY}"#))
    }

    /// That polls: `(call $poll-list ADDRESS COUNT ANSWER-ADDRESS)`; it can wait as well.
    pub(crate) fn polling(body: &str) -> Self {
        let poll = format!(r#"lower (func $poll "poll") {WITH_MEMORY}"#);
        Self::waiting(body).lower("poll-list", "(param i32 i32 i32)", &poll)
    }

    /// That touches objects: `(call $head KEY-ADDRESS KEY-LENGTH)` asks for one of the bucket `null`, and
    /// `(call $forget-writer HANDLE)` drops a writer.
    pub(crate) fn touching(body: &str) -> Self {
        Self::new(body)
            .imports(BUCKETS)
            .lower(
                "ask",
                "(param i32 i32 i32 i32 i32)",
                &format!(r#"lower (func $buckets "head") {WITH_MEMORY}"#),
            )
            .lower("forget-writer", "(param i32)", "resource.drop $writer")
            .core(
                "(func $head (param $key i32) (param $length i32)
                   (call $ask (i32.const 64) (i32.const 4)
                     (local.get $key) (local.get $length) (i32.const 256)))",
            )
    }

    /// That is one of two components in one: the other has the encoding `utf8`, `utf16` or `latin1+utf16`,
    /// and takes text: `(call $hand ADDRESS LENGTH)`.
    pub(crate) fn handing(encoding: &str, body: &str) -> Self {
        let import = r#"(import "neighbour" (instance $neighbour
            (export "take" (func (param "text" string)))))"#;
        let mut guest = Self::new(body).imports(import).lower(
            "hand",
            "(param i32 i32)",
            r#"lower (func $neighbour "take") (memory (core memory $libc "memory")) string-encoding=utf8"#,
        );
        guest.neighbour = Some(NEIGHBOUR.replace("ENCODING", encoding));
        guest
    }

    /// That answers `null`.
    pub(crate) fn null() -> Self {
        Self::new(NULL)
    }

    /// Exports its handler by another name.
    pub(crate) fn export(mut self, name: &str) -> Self {
        name.clone_into(&mut self.export);
        self
    }

    /// Has a memory of so many pages at first, and perhaps a maximum.
    pub(crate) fn memory(mut self, pages: &str) -> Self {
        pages.clone_into(&mut self.memory);
        self
    }

    /// Does this whenever the host asks it for memory. The body sees `$size`, `$align` and how often it was
    /// asked, this time included, as `$calls`; what it does not return itself is given as it should be.
    pub(crate) fn realloc(mut self, body: &str) -> Self {
        body.clone_into(&mut self.realloc);
        self
    }

    /// Does this once the host has read its answer.
    pub(crate) fn post_return(mut self, body: &str) -> Self {
        self.post_return = Some(body.to_owned());
        self
    }

    /// Has more in its core module: globals, tables, functions, a start function.
    pub(crate) fn core(mut self, fields: &str) -> Self {
        self.core.push_str(fields);
        self
    }

    /// Imports interfaces: component-level text.
    pub(crate) fn imports(mut self, text: &str) -> Self {
        self.imports.push_str(text);
        self
    }

    /// Makes a function of an import callable as `$name`: its core type, and how it is lowered. The
    /// lowering may name `$libc`, which has the memory and `realloc`.
    pub(crate) fn lower(mut self, name: &str, core_type: &str, canon: &str) -> Self {
        let import = format!("(import \"host\" \"{name}\" (func ${name} {core_type}))");
        self.lowered.push((import, format!("(core func ${name} (canon {canon}))")));
        self
    }

    /// The component's bytes.
    pub(crate) fn component(&self) -> Vec<u8> {
        let mut text = self.text();
        if let Some(neighbour) = &self.neighbour {
            let export = &self.export;
            text = format!(
                r#"(component {neighbour} {}
                     (instance $task (instantiate $task-component
                       (with "neighbour" (instance $neighbour))))
                     (alias export $task "{export}" (instance $handler))
                     (export "{export}" (instance $handler)))"#,
                text.replacen("(component", "(component $task-component", 1)
            );
        }
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn text(&self) -> String {
        let mut text = String::from("(component\n");
        _ = writeln!(text, "{}", self.imports);
        _ = writeln!(
            text,
            "{}",
            LIBC.replace("PAGES", &self.memory).replace("REALLOC", &self.realloc)
        );
        let mut core_imports = String::new();
        let mut exports = String::new();
        for (import, canon) in &self.lowered {
            _ = writeln!(core_imports, "{import}");
            _ = writeln!(text, "{canon}");
            let name = canon.split_whitespace().nth(2).unwrap_or_default();
            _ = write!(exports, "(export \"{}\" (func {name}))", &name[1..]);
        }
        let (post, post_return) = match &self.post_return {
            None => (String::new(), ""),
            Some(body) => (
                format!(r#"(func (export "post") (param $answer i32) {body})"#),
                r#"(post-return (core func $main "post"))"#,
            ),
        };
        let main = MAIN
            .replace("IMPORTS", &core_imports)
            .replace("FIELDS", &self.core)
            .replace("POST", &post)
            .replace("BODY", &self.body);
        _ = writeln!(text, "{main}");
        _ = writeln!(
            text,
            "(core instance $main (instantiate $main (with \"libc\" (instance $libc))
               (with \"host\" (instance {exports}))))"
        );
        _ = writeln!(text, "{}", LIFT.replace("EXPORT", &self.export).replace("POST", post_return));
        text
    }
}

/// The body that answers `null`.
pub(crate) const NULL: &str = "(call $ok (i32.const 64) (i32.const 4))";

pub(crate) const WAITING: &str = r#"
(import "wasi:io/poll@0.2.0" (instance $poll
  (export "pollable" (type $p (sub resource)))
  (export "[method]pollable.block" (func (param "self" (borrow $p))))
  (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
(alias export $poll "pollable" (type $pollable))
(import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
  (alias outer 1 $pollable (type $outer))
  (export "pollable" (type $p (eq $outer)))
  (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
"#;

const LOGGING: &str = r#"
(import "wasi:logging/logging@0.1.0-draft" (instance $logging
  (type $enum (enum "trace" "debug" "info" "warn" "error" "critical"))
  (export "level" (type $level (eq $enum)))
  (export "log" (func
    (param "level" $level) (param "context" string) (param "message" string)))))
"#;

const RANDOM: &str = r#"
(import "wasi:random/random@0.2.0" (instance $random
  (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
"#;

const WATCHING: &str = r#"
(import "wasi:clocks/monotonic-clock@0.2.1" (instance $watch (export "now" (func (result u64)))))
(import "wasi:clocks/wall-clock@0.2.0" (instance $wall
  (type $record (record (field "seconds" u64) (field "nanoseconds" u32)))
  (export "datetime" (type $datetime (eq $record)))
  (export "now" (func (result $datetime)))))
"#;

const BUCKETS: &str = r#"
(import "stepwell:task/buckets@0.1.0" (instance $buckets
  (type $info-record (record (field "key" string) (field "size" u64) (field "etag" string)
    (field "last-modified-ms" u64)))
  (export "object-info" (type $info (eq $info-record)))
  (type $error-variant (variant (case "access-denied" string) (case "no-such-bucket" string)
    (case "no-such-key" string) (case "invalid-range" string) (case "invalid-name" string)
    (case "too-large" string) (case "storage" string)))
  (export "error" (type $error (eq $error-variant)))
  (export "writer" (type $w (sub resource)))
  (export "head" (func (param "bucket" string) (param "key" string)
    (result (result $info (error $error)))))))
(alias export $buckets "writer" (type $writer))
"#;

const NEIGHBOUR: &str = r#"
(component $neighbour-component
  (core module $module
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $missing i32)
      (local.set $missing (i32.sub
        (i32.shr_u (i32.add (local.get $size) (i32.const 131071)) (i32.const 16)) (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then (drop (memory.grow (local.get $missing)))))
      (i32.const 1024))
    (func (export "take") (param i32 i32)))
  (core instance $i (instantiate $module))
  (func (export "take") (param "text" string)
    (canon lift (core func $i "take") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")) string-encoding=ENCODING)))
(instance $neighbour (instantiate $neighbour-component))
"#;

/// How a function is lowered whose arguments or answer lie in memory.
const WITH_MEMORY: &str =
    r#"(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))"#;

const LIBC: &str = r#"
(core module $libc-module
  (memory (export "memory") PAGES)
  (global $next (mut i32) (i32.const 1024))
  (global $calls (mut i32) (i32.const 0))
  (func $realloc (export "realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    REALLOC
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (data (i32.const 64) "null"))
(core instance $libc (instantiate $libc-module))
"#;

const MAIN: &str = r#"
(core module $main
  (import "libc" "memory" (memory $memory 0))
  IMPORTS
  FIELDS
  POST
  (func $ok (param $address i32) (param $length i32) (result i32)
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (local.get $address))
    (i32.store (i32.const 24) (local.get $length))
    (i32.const 16))
  (func (export "handle") (param $event i32) (param $length i32) (result i32)
    BODY))
"#;

const LIFT: &str = r#"
(type $failure (record (field "error" string) (field "cause" string)))
(type $result (result string (error $failure)))
(type $handle-type (func (param "event" string) (result $result)))
(func $handle (type $handle-type)
  (canon lift (core func $main "handle") (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc")) POST))
(component $shim
  (type $failure (record (field "error" string) (field "cause" string)))
  (import "failure" (type $imported (eq $failure)))
  (type $result (result string (error $imported)))
  (import "handle" (func $handle (param "event" string) (result $result)))
  (export $exported "failure" (type $failure))
  (type $answer (result string (error $exported)))
  (export "handle" (func $handle) (func (param "event" string) (result $answer))))
(instance $handler
  (instantiate $shim (with "failure" (type $failure)) (with "handle" (func $handle))))
(export "EXPORT" (instance $handler)))
"#;
