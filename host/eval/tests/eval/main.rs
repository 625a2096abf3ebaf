//! Scripts below `tests/cases`: `NAME.script` is said line by line, and `NAME.snap` is the conversation.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics; Clippy does not count helpers as tests"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stepwell_eval::{Files, Notice, Reply, Said, Session, Trouble, Values, is_open};

#[global_allocator]
static ALLOCATOR: stepwell_allowance::Allocator = stepwell_allowance::Allocator;

/// 2026-01-02T03:04:05.678Z.
const NOW_MS: i64 = 1_767_323_045_678;

#[test]
fn conversations_go_as_they_went_before() {
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
            insta::assert_snapshot!(name, conversation(&read(&path)));
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "the crate knows no files, its cases do")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// What is said on both sides.
fn conversation(script: &str) -> String {
    let mut session = Session::new(values(), false);
    let mut lines = script.lines();
    let mut said = String::new();
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        while is_open(&whole)
            && let Some(more) = lines.next()
        {
            whole = format!("{whole}\n{more}");
        }
        writeln!(said, "> {}", whole.replace('\n', "\n| ")).unwrap();
        let reply = session.line(&whole, NOW_MS, &mut OneFile);
        let over = reply.result == Ok(Said::Quit);
        said.push_str(&told(&reply));
        if over {
            break;
        }
    }
    said
}

fn values() -> Values {
    let context = json!({
        "Execution": {"Id": "arn:execution", "Name": "first", "RedriveCount": 0},
        "State": {"Name": "Here"},
    });
    Values::new(context, NOW_MS, 42)
}

fn told(reply: &Reply) -> String {
    let mut text: String =
        reply.notices.iter().map(|notice| told_notice("warning", notice)).collect();
    match &reply.result {
        Ok(Said::Nothing) => {}
        Ok(Said::Value(value)) => writeln!(text, "{value}").unwrap(),
        Ok(Said::Assigned { name, value }) => writeln!(text, "${name} = {value}").unwrap(),
        Ok(Said::Text(words)) => writeln!(text, "{words}").unwrap(),
        Ok(Said::Quit) => text.push_str("(quit)\n"),
        Err(Trouble::Syntax(notice)) => text.push_str(&told_notice("error", notice)),
        Err(Trouble::Evaluation { name, message }) => {
            writeln!(text, "error[{name}]: {message}").unwrap();
        }
        Err(Trouble::Command { message, help }) => {
            writeln!(text, "error: {message}{}", told_help(help.as_deref())).unwrap();
        }
    }
    text
}

fn told_notice(level: &str, notice: &Notice) -> String {
    let Notice { code, message, text, span, help } = notice;
    let code = code.as_ref().map_or_else(String::new, |code| format!("[{code}]"));
    // Panics where the place is none.
    let place = format!("{}⟦{}⟧{}", &text[..span.start], &text[span.clone()], &text[span.end..]);
    format!("{level}{code}: {message}\n  {place}{}\n", told_help(help.as_deref()))
}

fn told_help(help: Option<&str>) -> String {
    help.map_or_else(String::new, |help| format!("\n  help: {help}"))
}

/// The only file there is.
struct OneFile;

impl Files for OneFile {
    fn read(&mut self, path: &str) -> Result<String, String> {
        match path {
            "order.json" => Ok("{\"id\": 7}\n".to_owned()),
            "broken.json" => Ok("{\"id\": ".to_owned()),
            _ => Err(format!("cannot read `{path}`: there is no such file")),
        }
    }
}

#[test]
fn the_same_seed_draws_the_same() {
    let ask = |seed| {
        let mut session = Session::new(Values::new(json!({}), NOW_MS, seed), false);
        let mut next = || match session.line("$uuid()", NOW_MS, &mut OneFile).result {
            Ok(Said::Value(Value::String(uuid))) => uuid,
            other => panic!("{other:?}"),
        };
        [next(), next()]
    };
    let [first, second] = ask(1);
    assert_ne!(first, second);
    assert_eq!([first, second], ask(1));
    assert_ne!(ask(1), ask(2));
}

#[test]
fn the_time_is_the_line_s_own() {
    let mut session = Session::new(values(), false);
    for (now, told) in [(0, "1970-01-01T00:00:00.000Z"), (1_500, "1970-01-01T00:00:01.500Z")] {
        let said = session.line("$now()", now, &mut OneFile).result;
        assert_eq!(said, Ok(Said::Value(json!(told))));
    }
}
