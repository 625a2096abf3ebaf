//! The log: lines from three places, and no more than its bound.

use serde_json::json;
use stepwell_lambda::LOG_BYTES_MAX;
use stepwell_sandbox::LogSource;

use crate::support::{Guest, NULL, Setup, answer, log};

#[tokio::test]
async fn what_is_logged_and_printed_comes_with_its_source() {
    let invoked = Setup::hostile().invoke(json!({ "do": "log", "lines": 2, "bytes": 3 })).await;
    assert_eq!(log(&invoked), ["[info] lll", "[info] lll"]);
    let invoked = Setup::hostile().invoke(json!({ "do": "print", "lines": 1, "bytes": 3 })).await;
    let mut sources: Vec<_> =
        invoked.report.log.iter().map(|line| (line.source.clone(), line.text.as_str())).collect();
    sources.sort_by_key(|(source, _)| *source == LogSource::Stderr);
    assert_eq!(sources, [(LogSource::Stdout, "ppp"), (LogSource::Stderr, "ppp")]);
}

#[tokio::test]
async fn a_flood_is_cut_and_counted() {
    for (deed, lines, bytes) in
        [("log", 20_000, 1_000), ("print", 3_000, 1_000), ("log", 60_000, 0)]
    {
        let event = json!({ "do": deed, "lines": lines, "bytes": bytes });
        let invoked = Setup::hostile().memory(1_769).timeout(60).invoke(event).await;
        answer(&invoked);
        let kept: usize = invoked.report.log.iter().map(|line| line.text.len()).sum();
        assert!(kept <= LOG_BYTES_MAX, "{kept}");
        assert!(invoked.report.log.len() <= LOG_BYTES_MAX / 32);
        assert!(invoked.report.log_dropped_bytes > 0, "{deed} {lines} {bytes}");
    }
}

#[tokio::test]
async fn a_crash_and_a_timeout_keep_the_log() {
    let line =
        "(call $log (i32.const 4) (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 3))";
    for end in ["unreachable", "(loop br 0) unreachable"] {
        let guest = Guest::logging(&format!("{line} {end}"));
        let invoked = Setup::guest(&guest).timeout(1).invoke("{}").await;
        assert!(invoked.result.is_err());
        assert_eq!(log(&invoked), ["[error] null: nul"]);
    }
}

#[tokio::test]
async fn what_a_start_function_logs_is_kept() {
    let line =
        "(call $log (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 64) (i32.const 4))";
    for (end, fails) in [("", false), ("unreachable", true)] {
        let start = format!("(func $start {line} {end}) (start $start)");
        let invoked = Setup::guest(&Guest::logging(NULL).core(&start)).invoke("{}").await;
        assert_eq!(invoked.result.is_err(), fails);
        assert_eq!(log(&invoked), ["[trace] null"]);
    }
}
