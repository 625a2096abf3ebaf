//! Compiled code on disk: found again, and never trusted when it is damaged or foreign.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use stepwell_sandbox::{CodeCache, Component, Sandbox, SandboxSettings};

use crate::support::{Guest, Setup};

fn sandbox(folder: &Path) -> Sandbox {
    Sandbox::new(SandboxSettings {
        cache: Some(CodeCache::new(folder.join("code"))),
        ..SandboxSettings::default()
    })
    .unwrap()
}

/// Loads a task and shows that it works.
async fn load(folder: &Path) {
    let sandbox = sandbox(folder);
    let component = Component::load(&sandbox, &Guest::null().component());
    let component = component.unwrap_or_else(|error| panic!("{error}"));
    let invoked = Setup::of(&sandbox, component).invoke("{}").await;
    assert_eq!(invoked.result.as_deref(), Ok("null"));
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("code")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_none()).collect()
}

#[tokio::test]
async fn the_second_load_takes_the_code_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).await;
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let written = std::fs::metadata(entry).unwrap().modified().unwrap();
    load(folder.path()).await;
    assert_eq!(entries(folder.path()).len(), 1);
    assert_eq!(std::fs::metadata(entry).unwrap().modified().unwrap(), written, "not written again");
}

#[tokio::test]
async fn a_damaged_entry_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).await;
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let whole = std::fs::read(entry).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [Vec::new(), whole[..whole.len() / 2].to_vec(), flipped] {
        std::fs::write(entry, damaged).unwrap();
        load(folder.path()).await;
        assert!(std::fs::read(entry).unwrap() == whole, "it is whole again");
    }
}

#[tokio::test]
async fn an_entry_that_wasmtime_does_not_take_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).await;
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let whole = std::fs::read(entry).unwrap();
    let foreign = b"the code of another engine";
    let key = entry.file_name().unwrap().to_str().unwrap();
    let hash = Sha256::new().chain_update(key).chain_update(foreign).finalize();
    std::fs::write(entry, foreign).unwrap();
    std::fs::write(entry.with_extension("seal"), format!("another file\n{hash:x}")).unwrap();
    load(folder.path()).await;
    assert!(std::fs::read(entry).unwrap() == whole);
}

#[tokio::test]
async fn an_entry_of_another_component_is_not_run_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).await;
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let whole = std::fs::read(entry).unwrap();
    let other = Guest::new("unreachable").component();
    Component::load(&sandbox(folder.path()), &other).unwrap_or_else(|error| panic!("{error}"));
    let entries = entries(folder.path());
    let other = entries.iter().find(|other| *other != entry).unwrap();
    std::fs::copy(other, entry).unwrap();
    load(folder.path()).await;
    assert!(std::fs::read(entry).unwrap() == whole, "it is compiled again");
}

#[tokio::test]
async fn an_entry_of_another_version_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).await;
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let name = entry.file_name().unwrap().to_str().unwrap();
    let (component, _version) = name.split_once('-').unwrap();
    let foreign = entry.with_file_name(format!("{component}-0123456789abcdef"));
    std::fs::rename(entry, &foreign).unwrap();
    let written = std::fs::read(&foreign).unwrap();
    load(folder.path()).await;
    assert!(entry.exists(), "it is compiled for this version");
    assert!(std::fs::read(&foreign).unwrap() == written);
    // Under this version's name it is as foreign: its seal's hash is that of another name.
    let seal = entry.with_extension("seal");
    let forged = format!("another file\n{}", "0".repeat(64));
    std::fs::write(&seal, &forged).unwrap();
    load(folder.path()).await;
    assert_ne!(std::fs::read_to_string(&seal).unwrap(), forged, "it is compiled again");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("code"), "a file where the folder should be").unwrap();
    load(folder.path()).await;
}
