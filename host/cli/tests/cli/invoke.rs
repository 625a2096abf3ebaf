//! `stepwell invoke`: one invocation of one function, and `stepwell calibrate`.

use serde_json::{Value, json};

use crate::support::{Cli, Ran, filtered, guest, machine_of};

fn invoke(arguments: &[&str]) -> Ran {
    Cli::new().arg("invoke").args(arguments).run()
}

fn hostile(deed: &Value, arguments: &[&str]) -> Ran {
    let (component, deed) = (guest("hostile"), deed.to_string());
    invoke(&[&[component.as_str(), "--event", deed.as_str()], arguments].concat())
}

#[test]
fn a_component_needs_no_file() {
    let ran = invoke(&[&guest("echo"), "--event", r#"{"a": [1, 2]}"#]).succeeds();
    assert_eq!(ran.stdout, "{\"a\":[1,2]}\n");
    insta::assert_snapshot!(filtered(&ran.stderr), @r"
    INIT_START Runtime Version: stepwell:task@0.1.0	
    START RequestId: UUID Version: $LATEST
    END RequestId: UUID
    REPORT RequestId: UUID	Duration: N ms	Billed Duration: N ms	Memory Size: 128 MB	Max Memory Used: N MB	Init Duration: N ms	Fuel: N of 217071791	
    ");
}

#[test]
fn a_component_may_lie_in_a_folder_and_have_any_name() {
    let component = std::fs::read(guest("echo")).unwrap();
    for path in ["build/task.wasm", "build/my task.v2.wasm", "./build/task.wasm"] {
        let cli = Cli::new();
        std::fs::create_dir(cli.path("build")).unwrap();
        let ran =
            cli.file(path, &component).args(["invoke", path, "--event", "1"]).run().succeeds();
        assert_eq!(ran.stdout, "1\n");
    }
}

#[test]
fn a_function_of_a_file_is_invoked_by_its_name() {
    let component = format!("    component: {}\n    memorySize: 256\n", guest("echo"));
    let cli = || Cli::new().file("workflow.yaml", machine_of(&component));
    let ran = cli().args(["invoke", "workflow.yaml", "task", "--event", "7"]).run().succeeds();
    assert_eq!(ran.stdout, "7\n");
    ran.says(["Memory Size: 256 MB"]);
    // One function is the one that is meant; an ARN ends in its name.
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:task";
    assert_eq!(cli().args(["invoke", "workflow.yaml"]).run().succeeds().stdout, "{}\n");
    assert_eq!(cli().args(["invoke", "workflow.yaml", arn]).run().succeeds().stdout, "{}\n");
    let ran = cli().args(["invoke", "workflow.yaml", "tusk"]).run().exits(2);
    ran.says(["`workflow.yaml` has no function `tusk`", "it has task"]);
}

#[test]
fn an_event_comes_from_a_file_or_from_standard_input() {
    let echo = guest("echo");
    let cli = || Cli::new().file("event.json", " {\"from\":\"a file\"}\n");
    let from_file = cli().args(["invoke", &echo, "--event", "@event.json"]).run().succeeds();
    assert_eq!(from_file.stdout, "{\"from\":\"a file\"}\n");
    let from_input = cli().args(["invoke", &echo, "--event", "-"]).stdin("[true]").run().succeeds();
    assert_eq!(from_input.stdout, "[true]\n");
    cli().args(["invoke", &echo, "--event", "{"]).run().exits(2).says(["the event is not JSON"]);
    let missing = cli().args(["invoke", &echo, "--event", "@no.json"]).run().exits(2);
    missing.says(["cannot read `no.json`: there is no such file"]);
}

#[test]
fn a_failure_is_a_payload_a_log_and_an_exit_code() {
    let ran = hostile(&json!({ "do": "fail", "error": "Own", "cause": "why" }), &[]).exits(1);
    assert_eq!(ran.stdout, "{\"errorMessage\":\"why\",\"errorType\":\"Own\"}\n");
    ran.says(["the invocation failed: Own: why"]);

    let ran = hostile(&json!({ "do": "spin" }), &["--timeout", "1"]).exits(1);
    assert_eq!(ran.json()["errorType"], "Sandbox.Timedout");
    insta::assert_snapshot!(filtered(&ran.stderr), @r"
    INIT_START Runtime Version: stepwell:task@0.1.0	
    START RequestId: UUID Version: $LATEST
    TIME UUID Task timed out after 1.00 seconds

    END RequestId: UUID
    REPORT RequestId: UUID	Duration: N ms	Billed Duration: N ms	Memory Size: 128 MB	Max Memory Used: N MB	Init Duration: N ms	Fuel: N of 72357263	Status: timeout	Guard: fuel	
    limit: time: 1 s of 1 s: Sandbox.Timedout on AWS
    error: the invocation failed: Sandbox.Timedout: RequestId: UUID Error: Task timed out after 1.00 seconds
    ");

    let ran = hostile(&json!({ "do": "allocate" }), &[]).exits(1);
    ran.says([
        "signal: killed\nRuntime.OutOfMemory\nEND",
        "Max Memory Used: 128 MB",
        "Guard: memory",
    ]);

    let ran = hostile(&json!({ "do": "exit", "code": 0 }), &[]).exits(1);
    ran.says(["Error: Runtime exited without providing a reason\nRuntime.ExitError\nEND"]);
}

#[test]
fn json_is_the_reply_of_the_service_with_the_tail_of_the_log() {
    let deed = json!({ "do": "log", "lines": 200, "bytes": 100 });
    let reply = hostile(&deed, &["--json"]).succeeds().json();
    assert_eq!((reply["StatusCode"].as_u64(), reply.get("FunctionError")), (Some(200), None));
    assert_eq!(reply["ExecutedVersion"], "$LATEST");
    assert_eq!(reply["Payload"], json!({ "lines": 200 }));
    let log = reply["LogResult"].as_str().unwrap();
    // 4 KB in base 64.
    assert_eq!(log.len(), 4096_usize.div_ceil(3) * 4);
    let report = &reply["Report"];
    assert_eq!((&report["status"], &report["guard"]), (&json!("success"), &json!(null)));
    assert_eq!(report["requestBytes"], deed.to_string().len());
    assert!(report["fuel"].as_u64().unwrap() > 20_000, "{report}");
    assert!(report["logBytes"].as_u64().unwrap() > 20_000, "{report}");

    let reply = hostile(&json!({ "do": "trap" }), &["--json"]).exits(1).json();
    assert_eq!(reply["FunctionError"], "Unhandled");
    assert_eq!(reply["Payload"]["errorType"], "Runtime.ExitError");
}

#[test]
fn a_warm_environment_starts_once() {
    let component = format!("    component: {}\n    reuse: warm\n", guest("hostile"));
    let ran = Cli::new()
        .file("workflow.yaml", machine_of(&component))
        .args(["invoke", "workflow.yaml", "--event", r#"{"do":"count"}"#, "--repeat", "3"])
        .run()
        .succeeds();
    let counted: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(counted, [1, 2, 3].map(|n| format!("{{\"invocations\":{n}}}")));
    assert_eq!(ran.stderr.matches("INIT_START").count(), 1);
    assert_eq!(ran.stderr.matches("Init Duration").count(), 1);
}

#[test]
fn the_command_line_changes_what_the_function_has() {
    let changed = ["--memory-size", "1769", "--timeout", "9", "--env", "COLOUR=green"];
    let ran = hostile(&json!({ "do": "env" }), &changed).succeeds();
    assert_eq!(ran.json()["variables"], json!([["COLOUR", "green"]]));
    let ran = hostile(&json!({ "do": "context" }), &changed).succeeds();
    assert_eq!(ran.json()["memoryLimitMb"], 1_769);
    ran.says(["Memory Size: 1769 MB", "of 9000000000"]);
    hostile(&json!({}), &["--memory-size", "127"]).exits(2).says(["127 is not in 128..=10240"]);
    let put = json!({ "do": "bucket-put", "bucket": "rows", "key": "a/b", "body": "b" });
    hostile(&put, &[]).exits(1).says(["no grant to write `rows/a/b`"]);
    let ran = hostile(&put, &["--allow-objects", "rows/a/*"]).succeeds();
    assert_eq!(ran.files(".stepwell/objects/rows"), ["a/b"]);
}

#[test]
fn what_cannot_be_invoked_is_told_with_a_way_out() {
    let stub = machine_of("    stub: { returns: 1 }");
    let ran =
        Cli::new().file("workflow.yaml", stub).args(["invoke", "workflow.yaml"]).run().exits(2);
    ran.says(["function `task`: it is a `stub:`"]);
    let ran = Cli::new().file("task.wasm", b"no component").args(["invoke", "task.wasm"]).run();
    ran.exits(2).says(["`task.wasm` is no task: not a WebAssembly file"]);
    Cli::new().args(["invoke", "no.yaml"]).run().exits(2).says(["cannot read `no.yaml`"]);
    let two = "functions: { a: { stub: { echo: true } }, b: { stub: { echo: true } } }\n\
               stateMachines: { m: { definition: { StartAt: A, States: { A: { Type: Pass, End: true } } } } }\n";
    let ran = Cli::new().file("two.yaml", two).args(["invoke", "two.yaml"]).run().exits(2);
    ran.says(["the file has several functions", "name one of them: a, b"]);
}

#[test]
fn a_seed_and_a_clock_make_chance_and_time_the_same_again() {
    let arguments = ["--seed", "7", "--clock", "2026-01-01T00:00:00Z", "--json"];
    let run = |arguments: &[&str]| {
        let mut reply = hostile(&json!({ "do": "chance" }), arguments).succeeds().json();
        (reply["Payload"].take(), reply["Report"]["fuel"].take())
    };
    let (first, fuel) = run(&arguments);
    assert_eq!((first.clone(), fuel), run(&arguments));
    assert_eq!(first["wallMs"], 1_767_225_600_000_u64, "{first}");
    let (other, _) = run(&["--seed", "8", "--json"]);
    assert_ne!(first["random"], other["random"]);
    let (third, _) = run(&["--json"]);
    assert_ne!(third["random"], run(&["--json"]).0["random"]);
}

#[test]
fn this_machine_is_measured_beside_the_reference() {
    let told = Cli::new().args(["calibrate", "--runs", "5", "--json"]).run().succeeds().json();
    // The kernel is the same everywhere; how fast it is, is the machine's.
    assert_eq!(told["referenceFuelPerSecond"], 1_000_000_000);
    assert_eq!(told["runs"], 5);
    let rate = told["fuelPerSecond"].as_f64().unwrap();
    let fuel = told["kernelFuel"].as_f64().unwrap();
    let median = told["medianMs"].as_f64().unwrap();
    assert!((rate / (fuel / median * 1e3) - 1.0).abs() < 0.01, "{told}");
    assert!((told["timesTheReference"].as_f64().unwrap() / (rate / 1e9) - 1.0).abs() < 1e-9);
    let text = Cli::new().args(["calibrate", "--runs", "5"]).run().succeeds().stdout;
    assert!(text.contains("units of fuel a second on one core"), "{text}");
}
