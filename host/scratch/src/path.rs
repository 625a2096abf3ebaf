//! Paths as text, before anything is looked up.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// The longest path and the longest symbolic link, in bytes: Linux's 4,096 with the zero at its end.
pub const PATH_BYTES_MAX: usize = 4_095;

/// What one part of a path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Here,
    Up,
    Name(Box<str>),
}

/// A path that is being taken apart.
#[derive(Debug)]
pub(crate) struct Parts<'path> {
    text: Cow<'path, str>,
    at: usize,
}

/// Refuses what is no relative path.
pub(crate) fn check(path: &str) -> Result<()> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Error::NameTooLong);
    }
    if path.contains('\0') {
        return Err(Error::Invalid);
    }
    if path.is_empty() {
        return Err(Error::NotFound);
    }
    if path.starts_with('/') {
        return Err(Error::NotPermitted);
    }
    Ok(())
}

impl<'path> Parts<'path> {
    pub(crate) fn new(path: impl Into<Cow<'path, str>>) -> Result<Self> {
        let text = path.into();
        check(&text)?;
        Ok(Self { text, at: 0 })
    }

    /// The next part, and whether a slash follows it. There is one until [`Self::is_empty`].
    pub(crate) fn next(&mut self) -> (Part, bool) {
        let rest = &self.text[self.at..];
        let end = rest.find('/').unwrap_or(rest.len());
        let part = match &rest[..end] {
            "." => Part::Here,
            ".." => Part::Up,
            name => Part::Name(name.into()),
        };
        let after = rest[end..].trim_start_matches('/');
        self.at = self.text.len() - after.len();
        (part, end < rest.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Vec<(Part, bool)> {
        let mut parts = Parts::new(path).unwrap();
        let mut all = Vec::new();
        while !parts.is_empty() {
            all.push(parts.next());
        }
        all
    }

    #[test]
    fn slashes_part_names_and_are_noticed_at_the_end() {
        let name = |text: &str| Part::Name(text.into());
        assert_eq!(parts("a"), [(name("a"), false)]);
        assert_eq!(parts("a//b/"), [(name("a"), true), (name("b"), true)]);
        assert_eq!(
            parts("./.././..."),
            [(Part::Here, true), (Part::Up, true), (Part::Here, true), (name("..."), false)]
        );
    }

    #[test]
    fn what_is_no_relative_path_is_refused() {
        assert_eq!(check(""), Err(Error::NotFound));
        assert_eq!(check("/"), Err(Error::NotPermitted));
        assert_eq!(check("a\0b"), Err(Error::Invalid));
        assert_eq!(check(&"a/".repeat(2_048)), Err(Error::NameTooLong));
        assert_eq!(check(&"a/".repeat(2_047)), Ok(()));
    }
}
