//! Scripts below `tests/cases`: `NAME.script` is played on `NAME.yaml`, and `NAME.snap` is what is said.
//!
//! Comments of the script set the scene: `# input: JSON` is the input instead of an empty object,
//! `# workflow: FILE` names another workflow file, and with `# recorded: N` so many events have happened
//! before the session, as if they had been recorded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_asl::load;
use stepwell_debug::{Debugger, Flow, Session};
use stepwell_query::Document;

use crate::start;
use crate::stubs::Stubs;

#[test]
fn scripts_say_what_they_said_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let is_script = |path: &PathBuf| path.extension().is_some_and(|it| it == "script");
    let mut scripts: Vec<PathBuf> = entries.filter(is_script).collect();
    scripts.sort();
    assert!(scripts.len() > 5, "the scripts were not found");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(&folder);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for path in scripts {
            let name = path.file_stem().unwrap().to_str().unwrap();
            insta::assert_snapshot!(name, play(&path));
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "the crate knows no files, its cases do")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn play(path: &Path) -> String {
    let script = read(path);
    let setting = |name: &str| script.lines().find_map(|line| line.strip_prefix(name));
    let file = setting("# workflow: ")
        .map_or_else(|| path.with_extension("yaml"), |name| path.with_file_name(name));
    let source = read(&file);
    let input = setting("# input: ").unwrap_or("{}");
    let recorded: usize = setting("# recorded: ").map_or(0, |count| count.parse().unwrap());
    let workflow = load(&source, "machine").unwrap();
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let files = BTreeMap::from([("answer.json".to_owned(), "{\"from\": \"a file\"}\n".to_owned())]);
    let begin = start(Document::parse(input).unwrap());
    let session = Session::new(definition.clone(), begin.clone(), Vec::new()).unwrap();
    let mut debugger = Debugger::new(session, Stubs { workflow, files });
    if recorded > 0 {
        let mut unread = String::new();
        debugger.command(&format!("step {recorded}"), &mut unread).unwrap();
        let events = debugger.session().moments().map(|it| (it.at, it.event.clone())).collect();
        let session = Session::new(definition, begin, events).unwrap();
        let world = std::mem::replace(
            debugger.world_mut(),
            Stubs { workflow: load(&source, "machine").unwrap(), files: BTreeMap::new() },
        );
        debugger = Debugger::new(session, world);
    }
    let mut said = String::new();
    match debugger.script(&script, &mut said) {
        Ok(Flow::GoOn) => {}
        Ok(Flow::Quit) => said.push_str("(quit)\n"),
        Err(error) => writeln!(said, "error: {error}").unwrap(),
    }
    said
}
