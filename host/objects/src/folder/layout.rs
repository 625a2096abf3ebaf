//! Where an object's file is: an injective, readable mapping of keys to paths. Pure; knows no files.
//!
//! The segments of a key between its slashes become directories and a file of the same names, so that
//! `cache/page-1.jsonl` is the file `cache/page-1.jsonl`. What a file system cannot hold is written with
//! a `%`, which no name holds otherwise, because `%` itself is escaped:
//!
//! | in the key | on disk |
//! |---|---|
//! | `%`, control characters | `%25`, `%0A`, … |
//! | a segment `.` or `..` | `%2E`, `%2E%2E` |
//! | an empty segment (`a//b`, `/a`, `a/`) | `%empty` |
//! | a segment of 200 bytes or more | directories `…%more`, each with a piece of it, and then the rest |
//! | an object `a` beside objects `a/…` | `a%object`, if `a` is a directory |
//!
//! Each piece of a long segment is cut as soon as it reaches 200 bytes, even if nothing follows (the
//! rest is then `%empty`). So a `%more` directory holds *all* keys that begin with its piece, and
//! walking the entries of a directory in the order of their decoded names, directories with `/`
//! appended, visits the keys in their order. A name that this module would not have written, such as
//! `100%.txt`, is no object.

use std::borrow::Cow;

/// From this many bytes on, a piece of a segment becomes a directory of its own. Leaves room for the
/// last character and a marker within the 255 bytes that file systems allow.
const PIECE_BYTES: usize = 200;

const MORE: &str = "%more";
const EMPTY: &str = "%empty";
const OBJECT: &str = "%object";

/// The place of an object's file below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The directory, relative to the root; its first component is the bucket.
    pub(super) directory: String,
    /// The file's name in the directory.
    pub(super) name: String,
    /// How many bytes of the key `directory` stands for.
    pub(super) key_bytes: usize,
}

impl Location {
    /// The path of the file relative to the root.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.directory, self.name)
    }
}

/// Finds the place of an object's file. Given a prefix instead of a key, `directory` is the deepest
/// directory that holds all keys with that prefix.
pub(super) fn locate(bucket: &str, key: &str) -> Location {
    let mut directory = String::with_capacity(bucket.len() + key.len() + 8);
    directory.push_str(bucket);
    let mut piece = String::new();
    let mut key_bytes = 0;
    for (offset, character) in key.char_indices() {
        let after = offset + character.len_utf8();
        if character == '/' {
            directory.push('/');
            directory.push_str(&finished(&piece));
        } else {
            escape(character, &mut piece);
            if piece.len() < PIECE_BYTES {
                continue;
            }
            directory.push('/');
            directory.push_str(&piece);
            directory.push_str(MORE);
        }
        piece.clear();
        key_bytes = after;
    }
    Location { directory, name: finished(&piece).into_owned(), key_bytes }
}

/// The name of an object's file if a directory has taken its own name.
pub(super) fn beside_directory(name: &str) -> String {
    format!("{name}{OBJECT}")
}

/// An entry of a directory, decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// What the entry adds to the key of its directory. Ends with `/` for the directory of a segment.
    pub(super) key: String,
    /// Whether it is a directory, and more of the key follows.
    pub(super) is_directory: bool,
}

impl Entry {
    /// Decodes a name, or tells that it is none of this module's.
    pub(super) fn decode(name: &str, is_directory: bool) -> Option<Self> {
        if !is_directory {
            let name = name.strip_suffix(OBJECT).unwrap_or(name);
            return Some(Self { key: unescape_finished(name)?, is_directory });
        }
        let key = match name.strip_suffix(MORE) {
            Some(piece) => unescape_full(piece)?,
            None => unescape_finished(name)? + "/",
        };
        Some(Self { key, is_directory })
    }

    /// The name of the directory that this entry is.
    pub(super) fn directory_name(&self) -> String {
        match self.key.strip_suffix('/') {
            Some(segment) => finished(&escaped(segment)).into_owned(),
            None => escaped(&self.key) + MORE,
        }
    }

    /// Whether all keys of this entry are less than `floor`.
    pub(super) fn ends_before(&self, floor: &str) -> bool {
        self.key.as_str() < floor && !(self.is_directory && floor.starts_with(&self.key))
    }
}

fn needs_escape(character: char) -> bool {
    character == '%' || character.is_ascii_control()
}

fn escape(character: char, into: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if needs_escape(character) {
        let byte = u32::from(character) as usize;
        into.push('%');
        into.push(char::from(DIGITS[byte >> 4]));
        into.push(char::from(DIGITS[byte & 15]));
    } else {
        into.push(character);
    }
}

fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    text.chars().for_each(|character| escape(character, &mut result));
    result
}

/// The last piece of a segment as a name.
fn finished(piece: &str) -> Cow<'_, str> {
    match piece {
        "" => Cow::Borrowed(EMPTY),
        "." | ".." => Cow::Owned(piece.replace('.', "%2E")),
        _ => Cow::Borrowed(piece),
    }
}

fn unescape_finished(name: &str) -> Option<String> {
    let key = match name {
        EMPTY => String::new(),
        _ => unescape(name)?,
    };
    let piece = escaped(&key);
    (piece.len() < PIECE_BYTES && finished(&piece) == name).then_some(key)
}

fn unescape_full(piece: &str) -> Option<String> {
    let key = unescape(piece)?;
    let without_last = &key[..key.len() - key.chars().next_back()?.len_utf8()];
    let is_cut_here = piece.len() >= PIECE_BYTES && escaped(without_last).len() < PIECE_BYTES;
    (is_cut_here && escaped(&key) == piece).then_some(key)
}

fn unescape(name: &str) -> Option<String> {
    let mut result = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((plain, escape)) = rest.split_once('%') {
        result.push_str(plain);
        let byte = u8::from_str_radix(escape.get(..2)?, 16).ok()?;
        result.push(char::from(byte));
        rest = &escape[2..];
    }
    result.push_str(rest);
    Some(result)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_keys_are_their_own_paths() {
        for key in ["cache/page-1.jsonl", ".hidden/file.", "con", "ä ö/€ 🦀", "A/a", "...", "a\\b"]
        {
            assert_eq!(locate("rows", key).path(), format!("rows/{key}"));
        }
    }

    #[test]
    fn odd_keys_are_escaped() {
        for (key, path) in [
            ("../../etc/passwd", "rows/%2E%2E/%2E%2E/etc/passwd"),
            ("a//b", "rows/a/%empty/b"),
            ("/a", "rows/%empty/a"),
            ("a/", "rows/a/%empty"),
            ("a/.", "rows/a/%2E"),
            ("a\n\0%", "rows/a%0A%00%25"),
            ("%empty", "rows/%25empty"),
        ] {
            assert_eq!(locate("rows", key).path(), path);
        }
    }

    #[test]
    fn foreign_names_are_no_objects() {
        for name in ["100%.txt", "%2e", "%41", "a%2E", "%", "%zz", "%E4", "%more", ".", ".."] {
            assert_eq!(Entry::decode(name, false), None, "{name}");
            assert_eq!(Entry::decode(name, true), None, "{name}");
        }
        assert_eq!(Entry::decode(&"x".repeat(200), false), None);
        assert_eq!(Entry::decode(&format!("{}%more", "x".repeat(199)), true), None);
        assert_eq!(Entry::decode(&format!("{}%more", "x".repeat(201)), true), None);
    }

    /// Follows a path through `Entry::decode`, as a listing does.
    fn decode_path(path: &str) -> Option<String> {
        let (_bucket, rest) = path.split_once('/')?;
        let mut names = rest.split('/').peekable();
        let mut key = String::new();
        while let Some(name) = names.next() {
            let entry = Entry::decode(name, names.peek().is_some())?;
            if entry.is_directory {
                assert_eq!(entry.directory_name(), name);
            }
            key.push_str(&entry.key);
        }
        Some(key)
    }

    fn keys() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ab/.%\n-]{1,12}",
            "\\PC{1,40}",
            any::<String>(),
            ("[ab]{0,2}", 190..420_usize, "[!ab/.%é]{0,3}")
                .prop_map(|(start, length, end)| start + &"x".repeat(length) + &end),
        ]
        .prop_filter("a key", |key| !key.is_empty() && key.len() <= crate::name::KEY_BYTES_MAX)
    }

    proptest! {
        #[test]
        fn every_key_decodes_to_itself(key in keys()) {
            let path = locate("rows", &key).path();
            prop_assert!(path.split('/').all(|name| name.len() + OBJECT.len() <= 255));
            prop_assert!(path.split('/').all(|name| !["", ".", ".."].contains(&name)));
            prop_assert!(!path.contains(|c: char| c.is_ascii_control()));
            prop_assert_eq!(decode_path(&path), Some(key));
        }

        #[test]
        fn every_decodable_name_encodes_to_itself(name in "[a%.0-9A-F]{1,6}|%empty|[ax]{198,203}") {
            if let Some(entry) = Entry::decode(&name, false) {
                prop_assert_eq!(locate("rows", &entry.key).path(), format!("rows/{name}"));
            }
        }
    }
}
