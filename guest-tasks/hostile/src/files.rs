//! Deeds with files, all by the standard library: what any task would do, and what none should.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};

use serde_json::{Value, json};
use stepwell_task::Failure;

/// What is written at a time.
const PIECE_BYTES: usize = 1 << 20;

pub(crate) fn read(path: &str) -> Result<Value, Failure> {
    Ok(json!({ "text": fs::read_to_string(path)? }))
}

pub(crate) fn write(path: &str, bytes: usize) -> Result<Value, Failure> {
    fs::write(path, vec![b'f'; bytes])?;
    Ok(json!({ "bytes": bytes }))
}

pub(crate) fn append(path: &str, text: &str) -> Result<Value, Failure> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(json!({ "bytes": file.metadata()?.len() }))
}

pub(crate) fn list(path: &str) -> Result<Value, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(json!({ "names": names }))
}

pub(crate) fn rename(path: &str, to: &str) -> Result<Value, Failure> {
    fs::rename(path, to)?;
    Ok(json!({ "renamed": path }))
}

pub(crate) fn remove(path: &str) -> Result<Value, Failure> {
    fs::remove_file(path)?;
    Ok(json!({ "removed": path }))
}

pub(crate) fn make_directory(path: &str) -> Result<Value, Failure> {
    fs::create_dir(path)?;
    Ok(json!({ "made": path }))
}

pub(crate) fn remove_directory(path: &str) -> Result<Value, Failure> {
    fs::remove_dir_all(path)?;
    Ok(json!({ "removed": path }))
}

pub(crate) fn link(path: &str, to: &str) -> Result<Value, Failure> {
    fs::hard_link(path, to)?;
    Ok(json!({ "linked": path }))
}

#[expect(deprecated, reason = "its successor has another name on each platform")]
pub(crate) fn symlink(target: &str, path: &str) -> Result<Value, Failure> {
    fs::soft_link(target, path)?;
    Ok(json!({ "linked": target }))
}

pub(crate) fn stat(path: &str) -> Result<Value, Failure> {
    let (there, here) = (fs::metadata(path)?, fs::symlink_metadata(path)?);
    let kind = if there.is_dir() { "directory" } else { "file" };
    Ok(json!({ "kind": kind, "bytes": there.len(), "isLink": here.is_symlink() }))
}

pub(crate) fn resize(path: &str, bytes: u64) -> Result<Value, Failure> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let before = file.metadata()?.len();
    file.set_len(bytes)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    let written = usize::try_from(before).unwrap_or(usize::MAX).min(content.len());
    let zeros = content[written..].iter().all(|byte| *byte == 0);
    Ok(json!({ "bytes": content.len(), "zeros": zeros }))
}

pub(crate) fn fill(path: &str, bytes: Option<u64>) -> Result<Value, Failure> {
    let mut file = File::create(path)?;
    let piece = vec![b'F'; PIECE_BYTES];
    let mut left = bytes.unwrap_or(u64::MAX);
    let mut failed = None;
    while left > 0 {
        let next = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        if let Err(error) = file.write_all(&piece[..next]) {
            failed = Some(error.to_string());
            break;
        }
        left -= next as u64;
    }
    Ok(json!({ "bytes": file.metadata()?.len(), "failed": failed }))
}

pub(crate) fn fill_directory(path: &str, most: Option<u64>) -> Value {
    let most = most.unwrap_or(u64::MAX);
    for files in 0..most {
        if let Err(error) = File::create(format!("{path}/file-{files}")) {
            return json!({ "files": files, "failed": error.to_string() });
        }
    }
    json!({ "files": most, "failed": null })
}

pub(crate) fn read_removed(path: &str) -> Result<Value, Failure> {
    let mut file = File::open(path)?;
    fs::remove_file(path)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(json!({ "bytes": content.len() }))
}

pub(crate) fn hold(path: &str, times: usize) -> Value {
    let mut open = Vec::new();
    while open.len() < times {
        match File::open(path) {
            Ok(file) => open.push(file),
            Err(error) => return json!({ "open": open.len(), "failed": error.to_string() }),
        }
    }
    json!({ "open": open.len(), "failed": null })
}
