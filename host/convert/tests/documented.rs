//! What `docs/convert.md` says is so: every kind of remark has its section, and the example becomes what stands
//! there.

#![expect(clippy::disallowed_methods, reason = "a failed test panics, and reads its own files")]

use std::fs;
use std::path::Path;

use stepwell_convert::{RemarkKind, convert_text};

#[test]
fn every_kind_of_remark_is_documented() {
    let text = page();
    for kind in RemarkKind::ALL {
        let heading = format!("\n### {}: ", kind.code());
        assert!(text.contains(&heading), "docs/convert.md has no section{heading}");
    }
}

#[test]
fn the_example_becomes_what_the_page_says() {
    let text = page();
    let blocks: Vec<_> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [before, after] = blocks[..] else { panic!("the page has two blocks") };
    let converted = convert_text("workflow.yaml", before).expect("it is a workflow");
    assert_eq!(converted.text, after);
    assert_eq!(converted.remarks, []);
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/convert.md");
    fs::read_to_string(path).expect("the page is there")
}
