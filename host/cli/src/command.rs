//! One file per command.

pub(crate) mod completions;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod validate;

use std::path::Path;

use crate::error::CommandError;

/// Reads a workflow file as text.
fn read_source(path: &Path) -> Result<String, CommandError> {
    let bytes = std::fs::read(path).map_err(|error| CommandError::unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CommandError::invalid(format!("`{}` is not UTF-8 text (byte {at})", path.display()))
    })
}

/// The name of a machine whose file holds nothing but its definition: the file's, without endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split('.').find(|part| !part.is_empty()).unwrap_or("workflow");
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' })
        .collect()
}
