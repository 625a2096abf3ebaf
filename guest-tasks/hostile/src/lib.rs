//! Misbehaves as its event says, so that the host's tests see every way in which a task can go wrong or
//! try what it may not. `{"do":"spin"}` and so on: the variants of `Deed` are the list.
//!
//! Deeds that come back answer with a JSON object that says what happened.

mod chance;
mod files;
mod memory;
#[cfg(target_family = "wasm")]
mod raw;
mod reach;

/// There is no host beside a native test.
#[cfg(not(target_family = "wasm"))]
mod raw {
    use serde_json::Value;
    use stepwell_task::Failure;

    pub(crate) fn no_host(_: &str) -> Result<Value, Failure> {
        Err(Failure::new("Raw", "there is no host"))
    }

    pub(crate) use no_host as path;
    pub(crate) use no_host as link;
    pub(crate) use no_host as fill;
}

use std::{cell::Cell, hint::black_box, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use stepwell_task::{Failure, context, log, report_error};

/// What to do. In JSON, `do` names the deed in kebab case and the other fields are its parameters.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Deed {
    /// Executes an `unreachable` instruction.
    Trap {},
    /// Panics with a message.
    Panic { message: Option<String> },
    /// Never comes back, and calls nothing.
    Spin {},
    /// Never comes back, but calls the host all the time.
    SpinCalling {},
    /// Takes memory and writes to all of it: so many bytes, or without end.
    Allocate { bytes: Option<usize> },
    /// Calls itself without end.
    Recurse {},
    /// Answers with a text that is not JSON.
    NotJson {},
    /// Answers with a JSON string of so many bytes, its quotes included.
    Large { bytes: usize },
    /// Ends the process; WASI tells the host only whether `code` is 0.
    Exit { code: i32 },
    /// Logs so many lines of so many bytes.
    Log { lines: u64, bytes: usize },
    /// Prints so many lines of so many bytes to standard output, and as many to standard error.
    Print { lines: u64, bytes: usize },
    /// Waits inside the host.
    Sleep { ms: u64 },
    /// Does so many units of integer work, always the same instructions.
    Burn { units: u64 },
    /// Answers with random bytes and with what the clocks say.
    Chance {},
    /// Counts the invocations of this instance, this one included.
    Count {},
    /// Answers with the event.
    Echo { event: Option<Value> },
    /// Answers with the context.
    Context {},
    /// Fails with this error and cause, reported so.
    Fail { error: String, cause: String, reported: Option<String> },
    /// Answers with the environment's variables and arguments.
    Env {},
    /// Reads a file.
    ReadFile { path: String },
    /// Writes a file of so many bytes.
    WriteFile { path: String, bytes: usize },
    /// Lists a directory.
    ListFiles { path: String },
    /// Adds a text to a file.
    AppendFile { path: String, text: String },
    /// Gives a file or a directory another name.
    RenameFile { path: String, to: String },
    /// Removes a file or a symbolic link.
    RemoveFile { path: String },
    /// Makes a directory.
    MakeDirectory { path: String },
    /// Removes a directory and all that is in it.
    RemoveDirectory { path: String },
    /// Gives a file one more name.
    LinkFile { path: String, to: String },
    /// Makes a symbolic link.
    SymlinkFile { target: String, path: String },
    /// Looks at a file or a directory, with and without following links.
    StatFile { path: String },
    /// Makes a file so long, and says whether it reads as zeros where nothing was written.
    ResizeFile { path: String, bytes: u64 },
    /// Writes to a file piece by piece until that fails, or so many bytes.
    FillFile { path: String, bytes: Option<u64> },
    /// Makes empty files in a directory until that fails, or so many.
    FillDirectory { path: String, files: Option<u64> },
    /// Removes a file that is open, and reads it.
    ReadRemoved { path: String },
    /// Opens a file until that fails, or so many times, and keeps all of it open.
    HoldFiles { path: String, times: usize },
    /// Tries a path with each call of `wasi:filesystem`.
    RawPath { path: String },
    /// Makes and follows a symbolic link by `wasi:filesystem`.
    RawLink { target: String },
    /// Fills a file by `wasi:filesystem` and answers with the error codes.
    RawFill { path: String },
    /// Does several deeds, also after some failed: an answer or a failure for each.
    All { deeds: Vec<Self> },
    /// Connects to a TCP address, such as `127.0.0.1:80`.
    Connect { address: String },
    /// Listens at a TCP address.
    Listen { address: String },
    /// Sends a datagram to a UDP address.
    Datagram { address: String },
    /// Looks up the addresses of a host.
    Lookup { host: String },
    /// Reads standard input to its end.
    ReadStdin {},
    /// Gets a URL, whose body may have so many bytes.
    Http { url: String, bytes: Option<usize> },
    /// Gets a URL and goes on to where its answers lead, as a browser would.
    HttpFollow { url: String },
    /// Gets a URL, reads the body to its end and keeps nothing of it.
    HttpDrain { url: String },
    /// Asks for a URL and does not wait for the answer.
    HttpLeave { url: String },
    /// Waits for the request that was left, and answers with how it ended.
    HttpLeft {},
    /// Reads an object at once.
    BucketGet { bucket: String, key: String },
    /// Writes an object at once.
    BucketPut { bucket: String, key: String, body: String },
    /// Looks at an object.
    BucketHead { bucket: String, key: String },
    /// Lists the keys under a prefix.
    BucketList { bucket: String, prefix: String },
    /// Copies an object within a bucket.
    BucketCopy { bucket: String, key: String, to: String },
    /// Deletes an object.
    BucketDelete { bucket: String, key: String },
    /// Writes an object of so many bytes piece by piece.
    BucketWrite { bucket: String, key: String, bytes: usize },
    /// Begins an object, writes so many bytes, and traps.
    LeakWriter { bucket: String, key: String, bytes: usize },
}

thread_local! {
    static INVOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn hostile(event: &str) -> Result<String, Failure> {
    INVOCATIONS.set(INVOCATIONS.get() + 1);
    let deed = serde_json::from_str(event)
        .map_err(|error| Failure::invalid_input(format!("no such deed: {error}")))?;
    match deed {
        Deed::NotJson {} => Ok("this is no JSON".to_owned()),
        Deed::Large { bytes } => Ok(memory::json_string(bytes)),
        deed => answer(deed).map(|answer| answer.to_string()),
    }
}

stepwell_task::handler!(raw hostile);

fn answer(deed: Deed) -> Result<Value, Failure> {
    Ok(match deed {
        Deed::Trap {} => trap(),
        Deed::Panic { message } => {
            panic!("{}", message.as_deref().unwrap_or("as the event asked"))
        }
        Deed::Spin {} => spin(),
        Deed::SpinCalling {} => loop {
            black_box(context().remaining_time());
        },
        Deed::Allocate { bytes } => json!({ "allocated": memory::allocate(bytes) }),
        Deed::Recurse {} => json!({ "depth": memory::recurse(0) }),
        Deed::NotJson {} | Deed::Large { .. } => unreachable!("answered as raw text"),
        Deed::Exit { code } => exit(code),
        Deed::Log { lines, bytes } => {
            let line = "l".repeat(bytes);
            (0..lines).for_each(|_| log::info(&line));
            json!({ "lines": lines })
        }
        Deed::Print { lines, bytes } => print(lines, bytes),
        Deed::Sleep { ms } => {
            std::thread::sleep(Duration::from_millis(ms));
            json!({ "slept": ms })
        }
        Deed::Burn { units } => json!({ "burnt": units, "result": burn(units) }),
        Deed::Chance {} => chance::look(),
        Deed::Count {} => json!({ "invocations": INVOCATIONS.get() }),
        Deed::Echo { event } => event.unwrap_or_default(),
        Deed::Context {} => context_as_json(),
        Deed::Fail { error, cause, reported } => {
            if let Some(reported) = &reported {
                report_error(reported);
            }
            return Err(Failure::new(error, cause));
        }
        Deed::Env {} => reach::environment(),
        Deed::ReadFile { path } => files::read(&path)?,
        Deed::WriteFile { path, bytes } => files::write(&path, bytes)?,
        Deed::ListFiles { path } => files::list(&path)?,
        Deed::AppendFile { path, text } => files::append(&path, &text)?,
        Deed::RenameFile { path, to } => files::rename(&path, &to)?,
        Deed::RemoveFile { path } => files::remove(&path)?,
        Deed::MakeDirectory { path } => files::make_directory(&path)?,
        Deed::RemoveDirectory { path } => files::remove_directory(&path)?,
        Deed::LinkFile { path, to } => files::link(&path, &to)?,
        Deed::SymlinkFile { target, path } => files::symlink(&target, &path)?,
        Deed::StatFile { path } => files::stat(&path)?,
        Deed::ResizeFile { path, bytes } => files::resize(&path, bytes)?,
        Deed::FillFile { path, bytes } => files::fill(&path, bytes)?,
        Deed::FillDirectory { path, files } => files::fill_directory(&path, files),
        Deed::ReadRemoved { path } => files::read_removed(&path)?,
        Deed::HoldFiles { path, times } => files::hold(&path, times),
        Deed::RawPath { path } => raw::path(&path)?,
        Deed::RawLink { target } => raw::link(&target)?,
        Deed::RawFill { path } => raw::fill(&path)?,
        Deed::All { deeds } => deeds.into_iter().map(answer_or_failure).collect(),
        Deed::Connect { address } => reach::connect(&address)?,
        Deed::Listen { address } => reach::listen(&address)?,
        Deed::Datagram { address } => reach::datagram(&address)?,
        Deed::Lookup { host } => reach::lookup(&host)?,
        Deed::ReadStdin {} => reach::read_stdin()?,
        Deed::Http { url, bytes } => reach::http(&url, bytes)?,
        Deed::HttpFollow { url } => reach::http_follow(url)?,
        Deed::HttpDrain { url } => reach::http_drain(&url)?,
        Deed::HttpLeave { url } => reach::http_leave(&url)?,
        Deed::HttpLeft {} => reach::http_left(),
        deed => objects(deed)?,
    })
}

/// Deeds with objects.
fn objects(deed: Deed) -> Result<Value, Failure> {
    Ok(match deed {
        Deed::BucketGet { bucket, key } => reach::bucket_get(bucket, &key)?,
        Deed::BucketPut { bucket, key, body } => reach::bucket_put(bucket, &key, &body)?,
        Deed::BucketHead { bucket, key } => reach::bucket_head(bucket, &key)?,
        Deed::BucketList { bucket, prefix } => reach::bucket_list(bucket, &prefix)?,
        Deed::BucketCopy { bucket, key, to } => reach::bucket_copy(bucket, &key, &to)?,
        Deed::BucketDelete { bucket, key } => reach::bucket_delete(bucket, &key)?,
        Deed::BucketWrite { bucket, key, bytes } => {
            let object = reach::write_pieces(bucket, &key, bytes)?.finish()?;
            json!({ "size": object.size })
        }
        Deed::LeakWriter { bucket, key, bytes } => {
            let _writer = reach::write_pieces(bucket, &key, bytes)?;
            trap()
        }
        _ => unreachable!("all others were done"),
    })
}

fn answer_or_failure(deed: Deed) -> Value {
    answer(deed).unwrap_or_else(|failure| json!({ "failed": failure.cause }))
}

fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}

#[expect(clippy::exit, reason = "the deed")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the deed")]
fn print(lines: u64, bytes: usize) -> Value {
    let line = "p".repeat(bytes);
    for _ in 0..lines {
        println!("{line}");
        eprintln!("{line}");
    }
    json!({ "lines": lines })
}

/// Each unit depends on the one before, so none can be left out.
fn burn(units: u64) -> u64 {
    (0..units).fold(black_box(1), |value, unit| {
        black_box(value ^ unit).wrapping_mul(6_364_136_223_846_793_005)
    })
}

fn context_as_json() -> Value {
    let context = context();
    let deadline = context.deadline.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    json!({
        "requestId": context.request_id,
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "invokedFunctionArn": context.invoked_function_arn,
        "memoryLimitMb": context.memory_limit_mb,
        "deadlineMs": u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        "remainingMs": u64::try_from(context.remaining_time().as_millis()).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(event: &Value) -> Result<Value, Failure> {
        hostile(&event.to_string()).map(|answer| serde_json::from_str(&answer).unwrap())
    }

    #[test]
    fn deeds_are_named_in_kebab_case() {
        assert_eq!(hostile(r#"{"do":"not-json"}"#).unwrap(), "this is no JSON");
        assert_eq!(run(&json!({ "do": "echo", "event": [1] })), Ok(json!([1])));
        let failure = run(&json!({ "do": "fail", "error": "A", "cause": "b" })).unwrap_err();
        assert_eq!(failure, Failure::new("A", "b"));
        assert_eq!(run(&json!({ "do": "nothing" })).unwrap_err().error, "InvalidInput");
        assert_eq!(run(&json!({ "do": "spin", "typo": 1 })).unwrap_err().error, "InvalidInput");
    }

    #[test]
    fn deeds_with_files_do_what_they_say() {
        let folder = std::env::temp_dir().join(format!("hostile-{}", std::process::id()));
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let answers = run(&json!({ "do": "all", "deeds": [
            { "do": "make-directory", "path": folder },
            { "do": "write-file", "path": path("a"), "bytes": 2 },
            { "do": "append-file", "path": path("a"), "text": "end" },
            { "do": "read-file", "path": path("a") },
            { "do": "link-file", "path": path("a"), "to": path("b") },
            { "do": "rename-file", "path": path("b"), "to": path("c") },
            { "do": "symlink-file", "target": "c", "path": path("l") },
            { "do": "stat-file", "path": path("l") },
            { "do": "list-files", "path": folder },
            { "do": "resize-file", "path": path("a"), "bytes": 100 },
            { "do": "fill-file", "path": path("a"), "bytes": 3_000_000 },
            { "do": "fill-directory", "path": folder, "files": 3 },
            { "do": "hold-files", "path": path("a"), "times": 3 },
            { "do": "read-removed", "path": path("a") },
            { "do": "remove-file", "path": path("a") },
            { "do": "remove-directory", "path": folder },
        ]}));
        let answers = answers.unwrap();
        assert_eq!(answers[3], json!({ "text": "ffend" }));
        assert_eq!(answers[7], json!({ "kind": "file", "bytes": 5, "isLink": true }));
        assert_eq!(answers[8], json!({ "names": ["a", "c", "l"] }));
        assert_eq!(answers[9], json!({ "bytes": 100, "zeros": true }));
        assert_eq!(answers[10], json!({ "bytes": 3_000_000, "failed": null }));
        assert_eq!(answers[11], json!({ "files": 3, "failed": null }));
        assert_eq!(answers[12], json!({ "open": 3, "failed": null }));
        assert_eq!(answers[13], json!({ "bytes": 3_000_000 }));
        assert!(answers[14]["failed"].as_str().unwrap().starts_with("No such file"), "{answers}");
        assert_eq!(answers[15]["removed"], json!(folder));
        assert!(!folder.exists());
    }

    #[test]
    fn a_large_answer_has_exactly_its_size() {
        let answer = hostile(r#"{"do":"large","bytes":1000}"#).unwrap();
        assert_eq!(answer.len(), 1_000);
        assert!(serde_json::from_str::<String>(&answer).is_ok());
    }

    #[test]
    fn burning_is_deterministic() {
        assert_eq!(burn(1_000), burn(1_000));
        assert_ne!(burn(1_000), burn(1_001));
    }

    #[test]
    fn an_instance_counts_its_invocations() {
        run(&json!({ "do": "echo" })).unwrap();
        assert_eq!(run(&json!({ "do": "count" })), Ok(json!({ "invocations": 2 })));
    }
}
