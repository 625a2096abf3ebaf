//! More invocations than slots, and slots that come back.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use stepwell_lambda::Limit;
use stepwell_sandbox::{
    CONCURRENT_INVOCATIONS_MAX, Enforcement, Function, Sandbox, SandboxSettings, Status,
};

use crate::support::{Setup, answer, failure, hostile, invoke};

/// As many as have slots, and then some.
const MANY: usize = CONCURRENT_INVOCATIONS_MAX as usize + 44;

/// Whose account allows more than there are places, so that nobody is throttled.
fn spacious() -> Sandbox {
    let account_concurrency = 3 * CONCURRENT_INVOCATIONS_MAX;
    Sandbox::new(SandboxSettings { account_concurrency, ..SandboxSettings::default() }).unwrap()
}

fn sandbox() -> (Sandbox, Setup) {
    let sandbox = spacious();
    let setup = Setup::of(&sandbox, hostile(&sandbox));
    (sandbox, setup)
}

async fn invoke_many(function: &Function, count: usize) {
    // Each waits for a while, so that they are under way at the same time.
    let event = json!({ "do": "sleep", "ms": 400 });
    let tasks = (0..count).map(|_| {
        let (function, event) = (function.clone(), event.clone());
        tokio::spawn(async move { answer(&invoke(&function, event).await) })
    });
    let all = tokio::time::timeout(Duration::from_secs(30), join_all(tasks));
    for answered in all.await.expect("all answer") {
        answered.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_invocations_than_slots_all_answer() {
    let (_sandbox, setup) = sandbox();
    invoke_many(&setup.function(), MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_warm_instances_make_room_for_other_functions() {
    let sandbox = spacious();
    let component = hostile(&sandbox);
    let first = Setup::of(&sandbox, component.clone()).warm().function();
    let second = Setup::of(&sandbox, component).warm().function();
    // All slots are taken by the first while the second waits for them, in both ways.
    tokio::join!(invoke_many(&first, MANY), invoke_many(&second, MANY));
    invoke_many(&second, MANY).await;
    invoke_many(&first, MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_that_is_dropped_gives_its_slot_back() {
    let (_sandbox, setup) = sandbox();
    let function = setup.timeout(900).memory(1_769).function();
    for deed in [json!({ "do": "spin" }), json!({ "do": "sleep", "ms": 800_000 })] {
        let tasks: Vec<_> = (0..CONCURRENT_INVOCATIONS_MAX)
            .map(|_| {
                let (function, deed) = (function.clone(), deed.clone());
                tokio::spawn(async move { invoke(&function, deed).await })
            })
            .collect();
        tokio::task::yield_now().await;
        for task in tasks {
            task.abort();
        }
        invoke_many(&function, 8).await;
    }
}

#[tokio::test]
async fn spinning_neighbours_on_one_thread_leave_room() {
    let function = Setup::hostile().timeout(900).memory(1_769).function();
    let spinning = join_all((0..4).map(|_| invoke(&function, r#"{"do":"spin"}"#)));
    let quick = async {
        for _ in 0..5 {
            answer(&invoke(&function, r#"{"do":"echo"}"#).await);
        }
    };
    tokio::select! {
        biased;
        _ = spinning => panic!("spinning takes 900 seconds of CPU"),
        () = quick => {}
    }
}

#[tokio::test]
async fn what_the_account_has_is_shared_and_the_next_one_is_throttled() {
    let settings = SandboxSettings { account_concurrency: 3, ..SandboxSettings::default() };
    let sandbox = Sandbox::new(settings).unwrap();
    let component = hostile(&sandbox);
    let own = Setup::of(&sandbox, component.clone()).reserved(1).function();
    let other = Setup::of(&sandbox, component.clone()).function();
    let third = Setup::of(&sandbox, component).function();
    let sleep = json!({ "do": "sleep", "ms": 300 });
    let (first, second, other_one, fourth, fifth) = tokio::join!(
        invoke(&own, &sleep),
        invoke(&own, &sleep),
        invoke(&other, &sleep),
        invoke(&third, &sleep),
        invoke(&other, &sleep),
    );
    for answered in [&first, &other_one, &fourth] {
        answer(answered);
    }
    for (throttled, reason) in [
        (&second, "ReservedFunctionConcurrentInvocationLimitExceeded"),
        (&fifth, "ConcurrentInvocationLimitExceeded"),
    ] {
        let failure = failure(throttled);
        assert_eq!(failure.error_type, "Lambda.TooManyRequestsException");
        let told = failure.payload();
        assert!(told.starts_with(&format!(
            "Rate Exceeded. Reason: {reason} (Service: Lambda, Status Code: 429,"
        )));
        assert_eq!(throttled.report.status, Status::Throttled);
        let breach = &throttled.report.breaches[0];
        assert_eq!((breach.limit, breach.used), (Limit::Concurrency, breach.allowed + 1));
    }
    // It was for the moment only.
    answer(&invoke(&own, &sleep).await);
}

#[tokio::test]
async fn a_function_that_only_warns_goes_on_in_a_crowd() {
    let setup = || Setup::hostile().enforcement(Enforcement::Warn).reserved(1).function();
    let function = setup();
    let sleep = json!({ "do": "sleep", "ms": 200 });
    let (first, second) = tokio::join!(invoke(&function, &sleep), invoke(&function, &sleep));
    answer(&first);
    answer(&second);
    let breaches: Vec<_> =
        [&first, &second].iter().flat_map(|i| i.report.breaches.clone()).collect();
    assert_eq!(breaches.len(), 1, "{breaches:?}");
    assert_eq!(breaches[0].error_type(), Some("Lambda.TooManyRequestsException"));
}
