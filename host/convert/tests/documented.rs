//! Every kind of remark has its section in `docs/convert.md`.

use std::fs;
use std::path::Path;

use stepwell_convert::RemarkKind;

#[test]
fn every_kind_of_remark_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/convert.md");
    let text = fs::read_to_string(path).unwrap();
    for kind in RemarkKind::ALL {
        let heading = format!("\n### {}: ", kind.code());
        assert!(text.contains(&heading), "docs/convert.md has no section{heading}");
    }
}
