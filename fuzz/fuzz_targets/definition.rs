//! No text makes `load` panic, and every place that it tells is one in the text (`tests/properties.rs`).

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_asl::{Severity, load};

fuzz_target!(|source: &str| {
    match load(source, "workflow") {
        Ok(workflow) => {
            assert!(!workflow.machines.is_empty());
            assert!(workflow.warnings.iter().all(|found| found.severity == Severity::Warning));
        }
        Err(findings) => {
            assert!(findings.iter().any(|found| found.severity == Severity::Error));
            for found in &findings {
                // Places in other files are none of this text.
                let related = found.related.iter().filter(|related| related.file.is_none());
                let related = related.map(|related| &related.span);
                for span in related.chain([&found.span]) {
                    assert!(source.get(span.clone()).is_some(), "{span:?} of {found:?}");
                }
            }
        }
    }
});
