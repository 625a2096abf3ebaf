//! Deeds with `wasi:filesystem` itself. The standard library looks at a path before the host does, and
//! makes one error of all that a stream can have; here the host's own word comes back.

use serde_json::{Value, json};
use stepwell_task::Failure;

use self::bindings::wasi::{
    filesystem::{
        preopens,
        types::{
            Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
            filesystem_error_code,
        },
    },
    io::streams::StreamError,
};

mod bindings {
    #![expect(clippy::pedantic, reason = "generated code")]

    wit_bindgen::generate!({
        path: "../../wit",
        world: "wasi:filesystem/imports",
        generate_all,
    });
}

/// What a stream takes at once.
const PIECE: [u8; 4_096] = [b'R'; 4_096];

/// What the host says to a path, call by call, and to a link that holds it.
pub(crate) fn path(path: &str) -> Result<Value, Failure> {
    let root = root()?;
    let follow = PathFlags::SYMLINK_FOLLOW;
    let none = PathFlags::empty();
    let file = open(&root, "raw-file")?;
    drop(file);
    let now = NewTimestamp::Now;
    let open_at = |flags, open_flags| {
        let descriptor_flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
        said(root.open_at(flags, path, open_flags, descriptor_flags))
    };
    Ok(json!({
        "open": said(root.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)),
        "directory": said(root.open_at(follow, path, OpenFlags::DIRECTORY, DescriptorFlags::READ)),
        "create": open_at(follow, OpenFlags::CREATE),
        "exclusive": open_at(none, OpenFlags::CREATE | OpenFlags::EXCLUSIVE),
        "truncate": open_at(follow, OpenFlags::TRUNCATE),
        "stat": said(root.stat_at(follow, path)),
        "hash": said(root.metadata_hash_at(follow, path)),
        "times": said(root.set_times_at(follow, path, now, now)),
        "make": said(root.create_directory_at(path)),
        "remove": said(root.unlink_file_at(path)),
        "remove-directory": said(root.remove_directory_at(path)),
        "link-from": said(root.link_at(none, path, &root, "raw-linked")),
        "link-to": said(root.link_at(none, "raw-file", &root, path)),
        "rename-from": said(root.rename_at(path, &root, "raw-renamed")),
        "rename-to": said(root.rename_at("raw-file", &root, path)),
        "link": said(root.symlink_at("raw-file", path)),
        "read-link": said(root.readlink_at(path)),
    }))
}

/// What a link says that holds such a text: when it is made, and when it is followed.
pub(crate) fn link(target: &str) -> Result<Value, Failure> {
    let root = root()?;
    let made = said(root.symlink_at(target, "raw-link"));
    let follow = PathFlags::SYMLINK_FOLLOW;
    let opened = said(root.open_at(follow, "raw-link", OpenFlags::empty(), DescriptorFlags::READ));
    _ = root.unlink_file_at("raw-link");
    Ok(json!({ "made": made, "opened": opened }))
}

/// Fills a file through a stream until the host says no, and then tries without one.
pub(crate) fn fill(path: &str) -> Result<Value, Failure> {
    let file = open(&root()?, path)?;
    let stream = file.write_via_stream(0).map_err(|code| failure(code.name()))?;
    let mut bytes = 0;
    let streamed = loop {
        match stream.blocking_write_and_flush(&PIECE) {
            Ok(()) => bytes += PIECE.len(),
            Err(StreamError::Closed) => break "closed",
            Err(StreamError::LastOperationFailed(error)) => {
                break filesystem_error_code(&error).map_or("no code", |code| code.name());
            }
        }
    };
    let again = match stream.check_write() {
        Ok(_) => "open",
        Err(StreamError::Closed) => "closed",
        Err(StreamError::LastOperationFailed(_)) => "failed",
    };
    let directly = said(file.write(&PIECE, bytes as u64));
    let in_place = said(file.write(&PIECE, 0));
    Ok(json!({
        "bytes": bytes, "streamed": streamed, "again": again, "directly": directly,
        "inPlace": in_place,
    }))
}

fn root() -> Result<Descriptor, Failure> {
    let directories = preopens::get_directories();
    let mut named = directories.into_iter().filter(|(_, name)| name == "/tmp");
    named.next().map(|(root, _)| root).ok_or_else(|| failure("there is no `/tmp`"))
}

fn open(root: &Descriptor, path: &str) -> Result<Descriptor, Failure> {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let opened = root.open_at(PathFlags::empty(), path, OpenFlags::CREATE, flags);
    opened.map_err(|code| failure(code.name()))
}

fn said<T>(answer: Result<T, ErrorCode>) -> &'static str {
    answer.map_or_else(|code| code.name(), |_| "done")
}

fn failure(text: &str) -> Failure {
    Failure::new("Raw", text)
}
