//! Random operations here and on the host's own file system: the same results and the same errors.
//!
//! What leads above its start is refused here and is not tried there. So that a mistake of ours would
//! still harm nothing, the host's root lies deep in a temporary folder.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Tested, audit};
use crate::{Entry, Error, Handle, Kind, OpenOptions, Usage};

/// `O_NOFOLLOW`, which the standard library does not name.
const O_NOFOLLOW: i32 =
    if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { 0o100_000 } else { 0o400_000 };

const OPEN_MAX: usize = 4;

#[derive(Debug, Clone)]
enum Deed {
    Open(String, OpenOptions),
    Close(usize),
    Write(usize, u64, usize),
    Append(usize, usize),
    Read(usize, u64, usize),
    SetSize(usize, u64),
    MakeDirectory(String),
    RemoveDirectory(String),
    Unlink(String),
    Rename(String, String),
    Link(String, String),
    Symlink(String, String),
    Readlink(String),
    Stat(String, bool),
    List(String),
}

fn paths() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        12 => prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned),
        1 => Just(".".to_owned()),
        2 => Just("..".to_owned()),
        1 => Just("n".repeat(255)),
        1 => Just("n".repeat(256)),
    ];
    let slash = prop_oneof![6 => Just(""), 1 => Just("/"), 1 => Just("//")];
    (vec(part, 1..4), slash).prop_map(|(parts, slash)| parts.join("/") + slash)
}

fn targets() -> impl Strategy<Value = String> {
    // Long ones are kept in a block.
    (paths(), any::<bool>()).prop_map(|(path, long)| "./".repeat(if long { 40 } else { 0 }) + &path)
}

fn offsets() -> impl Strategy<Value = u64> {
    prop_oneof![0..9_000_u64, 0..3_000_000_u64, (0..700_u64).prop_map(|block| block * 4_096)]
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![0..9_000_usize, 0..300_000_usize]
}

fn deeds() -> impl Strategy<Value = Deed> {
    let open =
        any::<[bool; 6]>().prop_map(|[follow, create, exclusive, truncate, directory, write]| {
            OpenOptions {
                follow,
                create,
                exclusive: create && exclusive,
                // More often than not, something is opened.
                truncate: truncate && write,
                directory: directory && !create && !truncate && !write,
                write,
            }
        });
    let file = 0..OPEN_MAX;
    prop_oneof![
        6 => (paths(), open).prop_map(|(path, options)| Deed::Open(path, options)),
        1 => file.clone().prop_map(Deed::Close),
        4 => (file.clone(), offsets(), lengths()).prop_map(|(f, at, len)| Deed::Write(f, at, len)),
        2 => (file.clone(), lengths()).prop_map(|(file, len)| Deed::Append(file, len)),
        3 => (file.clone(), offsets(), lengths()).prop_map(|(f, at, len)| Deed::Read(f, at, len)),
        2 => (file, offsets()).prop_map(|(file, size)| Deed::SetSize(file, size)),
        4 => paths().prop_map(Deed::MakeDirectory),
        2 => paths().prop_map(Deed::RemoveDirectory),
        2 => paths().prop_map(Deed::Unlink),
        4 => (paths(), paths()).prop_map(|(old, new)| Deed::Rename(old, new)),
        2 => (paths(), paths()).prop_map(|(old, new)| Deed::Link(old, new)),
        2 => (targets(), paths()).prop_map(|(target, path)| Deed::Symlink(target, path)),
        1 => paths().prop_map(Deed::Readlink),
        2 => (paths(), any::<bool>()).prop_map(|(path, follow)| Deed::Stat(path, follow)),
        1 => paths().prop_map(Deed::List),
    ]
}

/// What a deed came to, in terms that both sides have.
#[derive(Debug, PartialEq)]
enum Came {
    Nothing,
    Bytes(Vec<u8>),
    Size(Kind, u64),
    Text(String),
    Names(Vec<(String, Kind)>),
}

/// Both sides, with the files that are open on both.
struct Pair {
    ours: Tested,
    open: Vec<(Handle, File)>,
    root: PathBuf,
    _folder: TempDir,
    written: u8,
}

impl Pair {
    fn new(size_mb: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("1/2/3/4/5/6/7/8/9/10/11/12");
        fs::create_dir_all(&root).unwrap();
        let ours = Tested::of_mb(size_mb);
        Self { ours, open: Vec::new(), root, _folder: folder, written: 0 }
    }

    fn path(&self, path: &str) -> PathBuf {
        // Not `join`, which would see to it that the text is a neat path.
        PathBuf::from(format!("{}/{path}", self.root.display()))
    }

    fn perform(&mut self, deed: &Deed) {
        self.written = self.written.wrapping_add(1).max(1);
        match deed {
            Deed::Open(path, options) => self.open(path, *options),
            Deed::Close(file) => {
                if *file < self.open.len() {
                    let (handle, _) = self.open.remove(*file);
                    self.ours.scratch.close(handle);
                }
            }
            Deed::Write(file, at, len) => self.write(*file, Some(*at), *len),
            Deed::Append(file, len) => self.write(*file, None, *len),
            Deed::Read(file, at, len) => self.read(*file, *at, *len),
            Deed::SetSize(file, size) => {
                if let Some((handle, file)) = self.open.get(*file) {
                    self.ours.scratch.set_size(handle, *size, 1).unwrap();
                    file.set_len(*size).unwrap();
                }
            }
            deed => {
                let ours = self.ours(deed);
                // Above the start is the host's; and the host's disk is larger.
                if matches!(ours, Err(Error::NotPermitted | Error::NoSpace)) {
                    return;
                }
                let theirs = self.theirs(deed).map_err(|error| error_of(&error));
                assert_eq!(ours, theirs, "{deed:?}");
            }
        }
    }

    fn open(&mut self, path: &str, options: OpenOptions) {
        let ours = self.ours.open(path, options);
        if matches!(ours, Err(Error::NotPermitted | Error::NoSpace)) {
            return;
        }
        let theirs = fs::OpenOptions::new()
            .read(true)
            .write(options.write || options.create || options.truncate)
            .create(options.create)
            .create_new(options.create && options.exclusive)
            .truncate(options.truncate)
            .custom_flags(if options.follow { 0 } else { O_NOFOLLOW })
            .open(self.path(path));
        let theirs = theirs.and_then(|file| {
            let is_directory = file.metadata()?.is_dir();
            if options.directory && !is_directory {
                return Err(io::Error::from_raw_os_error(20));
            }
            Ok((file, is_directory))
        });
        match (ours, theirs) {
            (Ok(handle), Ok((file, is_directory))) => {
                let is_writable = options.write || options.create || options.truncate;
                let kind = if is_directory { Kind::Directory } else { Kind::File };
                assert_eq!(self.ours.scratch.stat(&handle).kind, kind);
                if is_directory || !is_writable || self.open.len() == OPEN_MAX {
                    self.ours.scratch.close(handle);
                } else {
                    self.open.push((handle, file));
                }
            }
            (ours, theirs) => {
                let theirs = theirs.map(|_| ()).map_err(|error| error_of(&error));
                assert_eq!(ours.map(drop), theirs, "open {path} {options:?}");
            }
        }
    }

    fn write(&mut self, file: usize, at: Option<u64>, len: usize) {
        let Some((handle, file)) = self.open.get(file) else { return };
        let data = vec![self.written; len];
        let at_end = file.metadata().unwrap().len();
        let ours = match at {
            Some(at) => self.ours.scratch.write(handle, at, &data, 1),
            None => self.ours.scratch.append(handle, &data, 1),
        };
        match ours {
            Ok(written) => file.write_all_at(&data[..written], at.unwrap_or(at_end)).unwrap(),
            Err(error) => assert_eq!(error, Error::NoSpace),
        }
        assert_eq!(self.ours.scratch.stat(handle).size, file.metadata().unwrap().len());
    }

    fn read(&mut self, file: usize, at: u64, len: usize) {
        let Some((handle, file)) = self.open.get(file) else { return };
        let (mut ours, mut theirs) = (vec![0xEE; len], vec![0xEE; len]);
        let read = self.ours.scratch.read(handle, at, &mut ours).unwrap();
        assert_eq!(read, file.read_at(&mut theirs, at).unwrap());
        assert_eq!(ours, theirs);
        let stat = self.ours.scratch.stat(handle);
        assert_eq!(u64::from(stat.links), file.metadata().unwrap().nlink());
    }

    fn ours(&mut self, deed: &Deed) -> Result<Came, Error> {
        let ours = &mut self.ours;
        match deed {
            Deed::MakeDirectory(path) => ours.make_directory(path)?,
            Deed::RemoveDirectory(path) => ours.remove_directory(path)?,
            Deed::Unlink(path) => ours.unlink(path)?,
            Deed::Rename(old, new) => ours.rename(old, new)?,
            Deed::Link(old, new) => ours.link(old, new)?,
            Deed::Symlink(target, path) => ours.symlink(target, path)?,
            Deed::Readlink(path) => {
                return Ok(Came::Text(ours.scratch.readlink_at(&ours.root, path)?));
            }
            Deed::Stat(path, follow) => {
                let stat = ours.scratch.stat_at(&ours.root, path, *follow)?;
                let size = if stat.kind == Kind::Directory { 0 } else { stat.size };
                return Ok(Came::Size(stat.kind, size));
            }
            Deed::List(path) => {
                let options = OpenOptions { follow: true, directory: true, ..Default::default() };
                let folder = ours.open(path, options)?;
                let entries = ours.scratch.read_directory(&folder, None, usize::MAX)?;
                ours.scratch.close(folder);
                let entry = |Entry { name, kind }: Entry| (name.into_string(), kind);
                return Ok(Came::Names(entries.into_iter().map(entry).collect()));
            }
            _ => unreachable!("deeds with open files are done on both sides at once"),
        }
        Ok(Came::Nothing)
    }

    fn theirs(&self, deed: &Deed) -> io::Result<Came> {
        match deed {
            Deed::MakeDirectory(path) => fs::create_dir(self.path(path))?,
            Deed::RemoveDirectory(path) => fs::remove_dir(self.path(path))?,
            Deed::Unlink(path) => fs::remove_file(self.path(path))?,
            Deed::Rename(old, new) => fs::rename(self.path(old), self.path(new))?,
            Deed::Link(old, new) => fs::hard_link(self.path(old), self.path(new))?,
            Deed::Symlink(target, path) => {
                std::os::unix::fs::symlink(target, self.path(path))?;
            }
            Deed::Readlink(path) => {
                let text = fs::read_link(self.path(path))?;
                return Ok(Came::Text(text.into_os_string().into_string().unwrap()));
            }
            Deed::Stat(path, follow) => {
                let path = self.path(path);
                let metadata =
                    if *follow { fs::metadata(path)? } else { fs::symlink_metadata(path)? };
                let kind = kind_of(metadata.file_type());
                let size = if kind == Kind::Directory { 0 } else { metadata.len() };
                return Ok(Came::Size(kind, size));
            }
            Deed::List(path) => return list(&self.path(path)).map(Came::Names),
            _ => unreachable!("deeds with open files are done on both sides at once"),
        }
        Ok(Came::Nothing)
    }

    /// Everything that both sides have is equal; then removes it here, and nothing is left.
    fn finish(mut self) {
        let mut open = vec![String::from(".")];
        let mut removed = Vec::new();
        while let Some(path) = open.pop() {
            let Ok(Came::Names(names)) = self.ours(&Deed::List(path.clone())) else {
                panic!("{path} is a folder");
            };
            assert_eq!(names, list(&self.path(&path)).unwrap(), "{path}");
            for (name, kind) in names {
                let path = format!("{path}/{name}");
                let theirs = self.theirs(&Deed::Stat(path.clone(), false)).unwrap();
                assert_eq!(self.ours(&Deed::Stat(path.clone(), false)), Ok(theirs), "{path}");
                if kind == Kind::File {
                    let theirs = fs::read(self.path(&path)).map(Came::Bytes).unwrap();
                    assert!(self.ours.get(&path).map(Came::Bytes) == Ok(theirs), "{path}");
                }
                if kind == Kind::Directory {
                    open.push(path.clone());
                }
                removed.push((path, kind));
            }
        }
        for (path, kind) in removed.into_iter().rev() {
            match kind {
                Kind::Directory => self.ours.remove_directory(&path).unwrap(),
                Kind::File | Kind::Symlink => self.ours.unlink(&path).unwrap(),
            }
        }
        for (handle, _) in self.open.drain(..) {
            self.ours.scratch.close(handle);
        }
        assert_eq!(self.ours.scratch.used(), Usage::default());
        audit(&self.ours.scratch);
    }
}

fn list(path: &Path) -> io::Result<Vec<(String, Kind)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        names.push((entry.file_name().into_string().unwrap(), kind_of(entry.file_type()?)));
    }
    names.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(names)
}

fn kind_of(kind: fs::FileType) -> Kind {
    match kind {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        _ => Kind::File,
    }
}

fn error_of(error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(1) => Error::NotPermitted,
        Some(2) => Error::NotFound,
        Some(16) => Error::Busy,
        Some(17) => Error::Exists,
        Some(20) => Error::NotDirectory,
        Some(21) => Error::IsDirectory,
        Some(22) => Error::Invalid,
        Some(36) => Error::NameTooLong,
        Some(39) => Error::NotEmpty,
        Some(40) => Error::Loop,
        _ => panic!("the host says {error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn everything_comes_to_the_same_as_on_the_host(deeds in vec(deeds(), 1..120)) {
        let mut pair = Pair::new(64);
        for deed in &deeds {
            pair.perform(deed);
            audit(&pair.ours.scratch);
        }
        pair.finish();
    }

    #[test]
    fn a_full_file_system_loses_nothing(deeds in vec(deeds(), 1..200)) {
        let mut pair = Pair::new(1);
        for deed in &deeds {
            pair.perform(deed);
            audit(&pair.ours.scratch);
        }
        pair.finish();
    }
}
