//! Case folders: a workflow file, what it becomes, and what is said about it. `INSTA_UPDATE=always` writes
//! both anew.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed test panics, and reads its own files"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use stepwell_convert::{Remark, convert_text};

#[test]
fn every_case_becomes_what_its_folder_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = String::new();
    for case in &cases {
        let files = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
        let given = files
            .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with("expected"));
        let [given] = given.collect::<Vec<_>>().try_into().expect("a case has one file");
        let text = fs::read_to_string(&given).unwrap();
        let name = given.file_name().unwrap().to_string_lossy().into_owned();
        let converted =
            convert_text(&name, &text).unwrap_or_else(|findings| panic!("{name}: {findings:?}"));
        let mut said = format!("{} converted, {} kept\n", converted.converted, converted.kept);
        for remark in &converted.remarks {
            tell(remark, &text, &mut said);
        }
        for (file, got) in [
            (format!("expected.{name}"), &converted.text),
            ("expected.remarks.txt".to_owned(), &said),
        ] {
            let path = case.join(file);
            if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
                fs::write(&path, got).unwrap();
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            if expected != *got {
                write!(wrong, "{} is not\n{got}\n", path.display()).unwrap();
            }
        }
        // What is converted is converted: a second time nothing happens.
        let again = convert_text(&name, &converted.text).unwrap();
        if again.text != converted.text {
            write!(wrong, "{} changes again:\n{}\n", case.display(), again.text).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn tell(remark: &Remark, text: &str, said: &mut String) {
    let head = &text[..remark.span.start];
    let line = head.matches('\n').count() + 1;
    let column = head.len() - head.rfind('\n').map_or(0, |at| at + 1) + 1;
    let place = text[remark.span.clone()].lines().next().unwrap_or_default();
    writeln!(
        said,
        "{line}:{column} {} {}\n  at {place} ({})",
        remark.kind.code(),
        remark.message,
        remark.pointer
    )
    .unwrap();
    if let Some(help) = &remark.help {
        writeln!(said, "  help: {help}").unwrap();
    }
}
