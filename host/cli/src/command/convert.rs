//! `stepwell convert`: a workflow file's JSONPath as JSONata.

use std::io::Write;
use std::path::Path;

use stepwell_asl::Finding;
use stepwell_convert::{ConvertedText, Remark, RemarkKind, convert_text};

use crate::args::ConvertArgs;
use crate::error::{CommandError, counted, reason};
use crate::output::Output;
use crate::workflow_file::read_source;

pub(crate) fn run(args: &ConvertArgs, output: &mut Output) -> Result<(), CommandError> {
    let source = read_source(&args.file, &args.file)?;
    let converted = convert_text(&args.file.to_string_lossy(), &source).map_err(|findings| {
        let (path, source_text) = (args.file.clone(), source.clone());
        CommandError::Findings { path, source_text, findings }
    })?;
    if converted.machines == 0 && converted.remarks.is_empty() {
        let message = format!("`{}` holds no state machine", args.file.display());
        return Err(CommandError::invalid(message));
    }
    let findings: Vec<_> = converted.remarks.iter().map(finding).collect();
    output.findings(&args.file, &source, &findings);
    match (&args.output, args.write, args.check) {
        (_, _, true) => {}
        (Some(file), _, _) => write(file, &converted.text)?,
        // A file that stays the same is not touched.
        (None, true, _) if converted.text == source => {}
        (None, true, _) => write(&args.file, &converted.text)?,
        (None, false, _) => {
            let text = converted.text.strip_suffix('\n').unwrap_or(&converted.text);
            output.data(text)?;
        }
    }
    let ConvertedText { kept, .. } = converted;
    let remarks = counted(converted.remarks.len(), "remark");
    let states = counted(converted.converted, "state");
    output.note(&format!(
        "{}: {states} in JSONata, {kept} in JSONPath, {remarks}",
        args.file.display()
    ));
    if kept > 0 || converted.remarks.iter().any(|remark| remark.kind == RemarkKind::Kept) {
        return Err(CommandError::Partly("not everything could be converted".to_owned()));
    }
    Ok(())
}

/// A remark as a finding, to be shown like one.
fn finding(remark: &Remark) -> Finding {
    Finding::remark(
        remark.kind.code(),
        remark.message.clone(),
        remark.pointer.clone(),
        remark.span.clone(),
        remark.help.clone(),
    )
}

/// Puts a text in a file's place at once: whoever looks sees the old or the new one, whole.
fn write(file: &Path, text: &str) -> Result<(), CommandError> {
    let fail = |error: &std::io::Error| {
        let message = format!("cannot write `{}`: {}", file.display(), reason(error));
        CommandError::environment(message)
    };
    // What a link leads to is written, and the link stays.
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(|error| fail(&error))?;
    new.write_all(text.as_bytes()).map_err(|error| fail(&error))?;
    new.as_file().sync_all().map_err(|error| fail(&error))?;
    let permissions = match std::fs::metadata(&target) {
        Ok(metadata) => Some(metadata.permissions()),
        Err(_) => ordinary(),
    };
    if let Some(permissions) = permissions {
        new.as_file().set_permissions(permissions).map_err(|error| fail(&error))?;
    }
    new.persist(&target).map(|_| ()).map_err(|error| fail(&error.error))
}

/// What a new file may be done with; one for a while is its owner's alone.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is nothing to say")]
fn ordinary() -> Option<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn ordinary() -> Option<std::fs::Permissions> {
    None
}
