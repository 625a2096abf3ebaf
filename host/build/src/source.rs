//! What a task is built from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::BuildError;

/// A task's source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// A file or a folder.
    pub path: PathBuf,
    /// `module.function`, as Lambda names it; a Rust task has none.
    pub handler: Option<String>,
}

/// A language of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the SDK of `guest-tasks/sdk`.
    Rust,
    /// Python, with the package of `guest-tasks/python`.
    Python,
    /// JavaScript and TypeScript, with the package of `guest-tasks/javascript`.
    JavaScript,
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        })
    }
}

/// A source whose language is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) language: Language,
    /// The folder that modules are looked for in; a Rust package's.
    pub(crate) folder: PathBuf,
    /// The module's file; of a Rust package `Cargo.toml`.
    pub(crate) file: PathBuf,
    /// The module as Lambda names it, without an extension: `fetch`, `src/fetch`; empty for Rust.
    pub(crate) module: String,
    /// The function in it; empty for Rust.
    pub(crate) function: String,
}

/// The function that is taken where nothing is said.
const FUNCTION: &str = "handler";
const EXTENSIONS: [(&str, Language); 6] = [
    ("py", Language::Python),
    ("mjs", Language::JavaScript),
    ("js", Language::JavaScript),
    ("cjs", Language::JavaScript),
    ("ts", Language::JavaScript),
    ("mts", Language::JavaScript),
];

impl Source {
    /// Looks at what is there.
    pub(crate) fn find(&self) -> Result<Found, BuildError> {
        let path = &self.path;
        let metadata = std::fs::metadata(path)
            .map_err(|error| BuildError::Unreadable { path: path.clone(), error })?;
        if metadata.is_dir() { self.in_folder(path) } else { self.of_file(path) }
    }

    fn of_file(&self, path: &Path) -> Result<Found, BuildError> {
        let unknown =
            |reason: &str| BuildError::Unknown { path: path.to_owned(), reason: reason.to_owned() };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        if path.file_name().is_some_and(|name| name == "Cargo.toml") {
            return self.rust(folder);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let (_, language) = EXTENSIONS
            .into_iter()
            .find(|(known, _)| extension == Some(known))
            .ok_or_else(|| unknown("its name ends like none that is known"))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.ok_or_else(|| unknown("its name is no UTF-8"))?;
        let function = match &self.handler {
            None => FUNCTION,
            Some(handler) => match handler.rsplit_once('.') {
                Some((module, function)) if last(module) == stem => function,
                Some((module, _)) => {
                    let message =
                        format!("the handler's module is `{module}`, the source is `{stem}`");
                    return Err(BuildError::Handler { message });
                }
                None => handler,
            },
        };
        let (module, function) = (stem.to_owned(), function.to_owned());
        Ok(Found { language, folder, file: path.to_owned(), module, function })
    }

    fn in_folder(&self, folder: &Path) -> Result<Found, BuildError> {
        if folder.join("Cargo.toml").is_file() {
            return self.rust(folder.to_owned());
        }
        let Some(handler) = &self.handler else {
            let reason =
                "it is a folder without `Cargo.toml`, and no `handler:` says which module it is";
            return Err(BuildError::Unknown { path: folder.to_owned(), reason: reason.to_owned() });
        };
        let Some((module, function)) = handler.rsplit_once('.') else {
            let message =
                format!("`{handler}` is no handler: a module and a function, with a dot between");
            return Err(BuildError::Handler { message });
        };
        for (extension, language) in EXTENSIONS {
            // Python's packages are folders: `app.tasks.fetch` and `app/tasks/fetch` are one.
            let dotted = module.replace('.', "/");
            let file = folder
                .join(format!("{}.{extension}", if extension == "py" { &dotted } else { module }));
            if file.is_file() {
                let (module, function) = (module.to_owned(), function.to_owned());
                return Ok(Found { language, folder: folder.to_owned(), file, module, function });
            }
        }
        let names: Vec<_> =
            EXTENSIONS.iter().map(|(extension, _)| format!(".{extension}")).collect();
        let message = format!(
            "the handler's module `{module}` is not in `{}` (with {})",
            folder.display(),
            names.join(", ")
        );
        Err(BuildError::Handler { message })
    }

    fn rust(&self, folder: PathBuf) -> Result<Found, BuildError> {
        if let Some(handler) = &self.handler {
            let message = format!(
                "a Rust task says itself which function handles an invocation; `handler: {handler}` has no \
                 meaning for `{}`",
                folder.display()
            );
            return Err(BuildError::Handler { message });
        }
        let file = folder.join("Cargo.toml");
        Ok(Found {
            language: Language::Rust,
            folder,
            file,
            module: String::new(),
            function: String::new(),
        })
    }
}

/// A module's own name: `src/fetch` and `app.fetch` are `fetch`.
fn last(module: &str) -> &str {
    module.rsplit(['/', '.']).next().unwrap_or(module)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(
        files: &[&str],
        path: &str,
        handler: Option<&str>,
    ) -> Result<(Language, String, String), String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let source = Source { path: folder.path().join(path), handler: handler.map(str::to_owned) };
        source
            .find()
            .map(|found| {
                let file =
                    found.file.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
                (found.language, file, found.function)
            })
            .map_err(|error| error.to_string().replace(folder.path().to_str().unwrap(), "DIR"))
    }

    #[test]
    fn a_file_says_its_language_by_its_name() {
        for (file, language) in [
            ("a/fetch.py", Language::Python),
            ("fetch.js", Language::JavaScript),
            ("fetch.ts", Language::JavaScript),
            ("Cargo.toml", Language::Rust),
        ] {
            let (found, at, function) = found(&[file], file, None).unwrap();
            assert_eq!((found, &*at), (language, file));
            assert_eq!(function, if language == Language::Rust { "" } else { "handler" });
        }
        let error = found(&["fetch.rb"], "fetch.rb", None).unwrap_err();
        assert_eq!(
            error,
            "`DIR/fetch.rb` is no source of a task: its name ends like none that is known"
        );
    }

    #[test]
    fn a_handler_is_that_of_lambda() {
        let of =
            |handler| found(&["src/fetch.py"], "src/fetch.py", Some(handler)).map(|found| found.2);
        assert_eq!(of("fetch.page").unwrap(), "page");
        assert_eq!(of("src/fetch.page").unwrap(), "page");
        assert_eq!(
            of("other.page").unwrap_err(),
            "the handler's module is `other`, the source is `fetch`"
        );
    }

    #[test]
    fn in_a_folder_the_handler_names_the_file() {
        let of = |files: &[&str], handler| found(files, ".", handler);
        let (language, file, function) = of(&["app/fetch.py"], Some("app.fetch.page")).unwrap();
        assert_eq!((language, &*file, &*function), (Language::Python, "app/fetch.py", "page"));
        let (language, file, _) = of(&["src/fetch.ts"], Some("src/fetch.page")).unwrap();
        assert_eq!((language, &*file), (Language::JavaScript, "src/fetch.ts"));
        let (language, ..) = of(&["Cargo.toml", "build.py"], None).unwrap();
        assert_eq!(language, Language::Rust);
        assert!(of(&["Cargo.toml"], Some("a.b")).unwrap_err().contains("has no meaning"));
        assert!(of(&["fetch.py"], None).unwrap_err().contains("no `handler:` says"));
        assert!(of(&["fetch.py"], Some("other.page")).unwrap_err().contains("`other` is not in"));
    }

    #[test]
    fn what_is_not_there_is_unreadable() {
        assert!(
            found(&[], "fetch.py", None)
                .unwrap_err()
                .starts_with("cannot read the source `DIR/fetch.py`")
        );
    }
}
