//! Bounds of what a guest makes the host keep or do.

use std::time::Duration;

use stepwell_sandbox::{Component, LoadError};

use crate::support::{Guest, NULL, SANDBOX, Setup, failure};

#[tokio::test]
async fn handles_of_the_host_are_bounded() {
    let guest = Guest::waiting("(loop (drop (call $subscribe (i64.const 0))) (br 0)) unreachable");
    let invoked = Setup::guest(&guest).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
    assert!(invoked.report.usage.fuel < 100_000, "{}", invoked.report);
}

#[tokio::test]
async fn handles_of_resources_of_its_own_are_bounded() {
    let guest = Guest::new("(loop (drop (call $new (i32.const 1))) (br 0)) unreachable")
        .imports("(type $own (resource (rep i32)))")
        .lower("new", "(param i32) (result i32)", "resource.new $own");
    let invoked = Setup::guest(&guest).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
    assert!(failure(&invoked).message.contains("handle limit"), "{}", failure(&invoked).message);
}

#[tokio::test]
async fn random_bytes_in_one_call_are_bounded() {
    let random = |count: &str| {
        Guest::new(&format!("(call $random (i64.const {count}) (i32.const 32)) {NULL}"))
            .memory("40")
            .imports(
                r#"(import "wasi:random/random@0.2.0" (instance $random
                     (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))"#,
            )
            .lower(
                "random",
                "(param i64 i32)",
                r#"lower (func $random "get-random-bytes") (memory (core memory $libc "memory"))
                   (realloc (core func $libc "realloc"))"#,
            )
    };
    let invoked = Setup::guest(&random("1048576")).invoke("{}").await;
    assert!(invoked.result.is_ok(), "{:?}", invoked.result);
    for count in ["1048577", "-1"] {
        let invoked = Setup::guest(&random(count)).invoke("{}").await;
        assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
        assert!(invoked.report.wall < Duration::from_secs(1));
    }
}

#[test]
fn a_component_cannot_use_up_the_pool() {
    let load = |text: &str| match Component::load(&SANDBOX, &wat::parse_str(text).unwrap()) {
        Err(LoadError::TooLarge { reason }) => reason,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it loads"),
    };
    let memories = "(memory 1)".repeat(5);
    let reason =
        load(&format!("(component (core module $m {memories}) (core instance (instantiate $m)))"));
    assert!(reason.contains("memories"), "{reason}");
    let reason = load(&format!(
        "(component (core module $m (memory 1)) {})",
        "(core instance (instantiate $m))".repeat(5)
    ));
    assert!(reason.contains("memories"), "{reason}");
    let reason = load(&format!(
        "(component (core module $m) {})",
        "(core instance (instantiate $m))".repeat(65)
    ));
    assert!(reason.contains("core instances"), "{reason}");
    let reason = load(&format!(
        "(component (core module $m (table 1 funcref)) {})",
        "(core instance (instantiate $m))".repeat(9)
    ));
    assert!(reason.contains("tables"), "{reason}");
}
