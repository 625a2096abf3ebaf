//! Values as Java prints them: in the messages of Jayway, and where `States.Format` puts an object into a
//! text.

use std::fmt::{self, Write};

use serde_json::Value;

/// How deeply a value is shown. Documents nest less.
const DEPTH_SHOWN_MAX: usize = 128;

/// A value as Java prints it: objects as `{name=value}`, but JSON inside arrays. The error is as much of
/// the text as fits into so many bytes.
pub(crate) fn text(value: &Value, bytes_max: usize) -> Result<String, String> {
    let mut text = Bounded { text: String::new(), bytes_max };
    match write_java(&mut text, value, 0) {
        Ok(()) => Ok(text.text),
        Err(fmt::Error) => Err(text.text),
    }
}

/// A text that refuses to grow beyond its limit.
#[derive(Debug)]
struct Bounded {
    text: String,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes_max - self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

fn write_java(text: &mut Bounded, value: &Value, depth: usize) -> fmt::Result {
    match value {
        _ if depth > DEPTH_SHOWN_MAX => text.write_str("..."),
        Value::Object(members) => {
            text.write_str("{")?;
            for (index, (name, member)) in members.iter().enumerate() {
                write!(text, "{}{name}=", if index == 0 { "" } else { ", " })?;
                write_java(text, member, depth + 1)?;
            }
            text.write_str("}")
        }
        Value::String(string) => text.write_str(string),
        other => write_json(text, other, depth),
    }
}

fn write_json(text: &mut Bounded, value: &Value, depth: usize) -> fmt::Result {
    match value {
        _ if depth > DEPTH_SHOWN_MAX => text.write_str("..."),
        Value::Object(members) => {
            text.write_str("{")?;
            for (index, (name, member)) in members.iter().enumerate() {
                text.write_str(if index == 0 { "" } else { "," })?;
                write_json_string(text, name)?;
                text.write_str(":")?;
                write_json(text, member, depth + 1)?;
            }
            text.write_str("}")
        }
        Value::Array(items) => {
            text.write_str("[")?;
            for (index, item) in items.iter().enumerate() {
                text.write_str(if index == 0 { "" } else { "," })?;
                write_json(text, item, depth + 1)?;
            }
            text.write_str("]")
        }
        Value::String(string) => write_json_string(text, string),
        Value::Null | Value::Bool(_) | Value::Number(_) => write!(text, "{value}"),
    }
}

/// Like `serde_json`, except that `/` is escaped, as Java's json-smart does.
fn write_json_string(text: &mut Bounded, string: &str) -> fmt::Result {
    text.write_str("\"")?;
    for character in string.chars() {
        match character {
            '"' | '\\' | '/' => write!(text, "\\{character}")?,
            '\n' => text.write_str("\\n")?,
            '\r' => text.write_str("\\r")?,
            '\t' => text.write_str("\\t")?,
            control if control.is_control() => write!(text, "\\u{:04X}", u32::from(control))?,
            plain => text.write_char(plain)?,
        }
    }
    text.write_str("\"")
}
