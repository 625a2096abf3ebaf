//! A function with small limits, invoked, and what must hold whatever it does.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stepwell_lambda::{FunctionLimits, LOG_BYTES_MAX};
use stepwell_objects::{Buckets, FolderBuckets};
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, FunctionSettings, Grants, Guard, Invocation,
    Invoked, ObjectGrant, Sandbox, SandboxSettings, Status,
};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::SAY;

/// What a function may burn, which is soon over.
const FUEL: u64 = 5_000_000;
const MEMORY_MB: u32 = 128;
const SECRET: &str = "nobody was granted this";

/// One for all runs.
pub static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    Sandbox::new(SandboxSettings::default()).expect("the machine can run a sandbox")
});

/// Buckets in a folder: `bucket`, of which something is granted, and `other`.
pub struct Objects(TempDir);

impl Default for Objects {
    fn default() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }
}

impl Objects {
    /// As they are before every invocation.
    fn reset(&self) -> Arc<dyn Buckets> {
        let root = self.0.path();
        clear(root);
        for (bucket, key, text) in [("bucket", "read", "to be read"), ("other", "secret", SECRET)] {
            fs::create_dir_all(root.join(bucket)).expect("there is room for a bucket");
            fs::write(root.join(bucket).join(key), text).expect("there is room for an object");
        }
        Arc::new(FolderBuckets::open(root.to_owned()).expect("the folder can be opened"))
    }

    /// Nothing but what was granted has changed.
    fn check(&self) {
        let root = self.0.path();
        let read = |key: &str| fs::read_to_string(root.join(key)).expect("it is still there");
        assert_eq!(read("other/secret"), SECRET);
        assert_eq!(read("bucket/read"), "to be read");
        assert_eq!(names(&root.join("other")), ["secret"]);
        for name in names(root) {
            assert!(["bucket", "other", ".stepwell-tmp"].contains(&name.as_str()), "{name}");
        }
    }
}

fn clear(folder: &Path) {
    for name in names(folder) {
        let path = folder.join(name);
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.expect("what a task wrote can be removed");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Invokes a component twice; both must be the same and within limits. Gives the first.
pub fn invoke_twice(component: &Component, objects: &Objects, event: &str) -> Invoked {
    let [first, second] = [(); 2].map(|()| {
        let invoked = invoke(component, objects.reset(), event);
        check(&invoked);
        objects.check();
        invoked
    });
    if *SAY {
        for Invoked { result, report } in [&first, &second] {
            eprintln!("{result:?}\n{report}\n{} lines, {:?}", report.log.len(), report.usage);
        }
    }
    if !depends_on_time(&first) && !depends_on_time(&second) {
        assert_eq!(first.result, second.result);
        let [one, two] = [&first, &second].map(|invoked| &invoked.report);
        assert_eq!(one.usage.fuel, two.usage.fuel);
        assert_eq!(one.usage.memory_peak_bytes, two.usage.memory_peak_bytes);
        assert_eq!(one.usage.handles_peak, two.usage.handles_peak);
        assert_eq!(one.usage.init.map(|init| init.fuel), two.usage.init.map(|init| init.fuel));
        assert_eq!(one.log, two.log);
    }
    first
}

/// Whether a clock ended it: how far it came by then is chance.
fn depends_on_time(invoked: &Invoked) -> bool {
    matches!(invoked.report.status, Status::Timeout(Guard::Time | Guard::Wall))
}

/// On a clock that jumps over waiting: a task that sleeps costs no time.
fn invoke(component: &Component, objects: Arc<dyn Buckets>, event: &str) -> Invoked {
    let grant = |key: &str, write| ObjectGrant {
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        prefix: write,
        read: true,
        write,
    };
    let settings = FunctionSettings {
        name: "tried".to_owned(),
        limits: FunctionLimits {
            memory_mb: MEMORY_MB,
            timeout_seconds: 1,
            fuel: Some(FUEL),
            ..FunctionLimits::default()
        },
        enforcement: Enforcement::Enforce,
        reserved_concurrency: None,
        variables: [("NAME".to_owned(), "value".to_owned())].into(),
        environment: Environment::Fresh,
        grants: Grants {
            http: Vec::new(),
            objects: vec![grant("in/", true), grant("read", false)],
        },
        objects,
        seed: Some(1),
        clock: Some(SystemTime::from(UNIX_EPOCH + Duration::from_secs(1_700_000_000))),
    };
    let function = Function::new(&SANDBOX, component.clone(), settings);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime needs nothing but memory").block_on(function.invoke(Invocation {
        request_id: "5f1c2b3a-0000-4000-8000-00000000c0de".to_owned(),
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:tried".into(),
        payload: event.to_owned(),
    }))
}

fn check(invoked: &Invoked) {
    let Invoked { result, report } = invoked;
    match result {
        Ok(answer) => _ = serde_json::from_str::<serde_json::Value>(answer).expect("it is JSON"),
        Err(failure) => {
            assert!(!failure.error_type.is_empty() && !failure.message.is_empty());
            assert!(failure.payload().len() < 512 << 10);
        }
    }
    assert!(report.usage.fuel <= FUEL, "{report:?}");
    assert!(report.usage.memory_peak_bytes <= u64::from(MEMORY_MB) << 20, "{report:?}");
    assert!(report.usage.handles_peak <= 1_024, "{report:?}");
    let logged: usize = report.log.iter().map(|line| line.text.len()).sum();
    // A byte that is no UTF-8 becomes three.
    assert!(logged <= 3 * LOG_BYTES_MAX, "{logged}");
    assert!(report.wall < Duration::from_secs(10), "{report:?}");
    assert!(!report.to_string().is_empty() && !invoked.log_lines("now").is_empty());
}
