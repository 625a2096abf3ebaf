//! A thousand hostile invocations in one process, honest ones among them: every honest answer is right, and
//! afterwards the process holds no more memory, descriptors and threads than before.

use std::env;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use stepwell_sandbox::{Sandbox, SandboxSettings};

use crate::hostile;
use crate::support::{Case, Honest, Ready, use_sandbox};

const INVOCATIONS: usize = 1_000;

/// Under way at one time.
const CROWD: usize = 32;

/// Memory may have grown by so much: one in so many.
const GROWTH: usize = 20;

/// What the process holds.
#[derive(Debug)]
struct Held {
    resident_pages: usize,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let count = |folder: &str| fs::read_dir(folder).unwrap().count();
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        let resident_pages = statm.split(' ').nth(1).unwrap().parse().unwrap();
        let descriptors = count("/proc/self/fd");
        Self { resident_pages, descriptors, threads: count("/proc/self/task") }
    }
}

/// So many hostile invocations at random, each with an honest one beside it, in a sandbox of their own that
/// is gone afterwards.
async fn round(chance: &mut StdRng, count: usize) {
    use_sandbox(Some(Sandbox::new(SandboxSettings::default()).unwrap()));
    let cheap = hostile::cases().into_iter().filter(Case::is_cheap);
    let cases: Arc<Vec<Ready>> = Arc::new(cheap.map(Case::ready).collect());
    assert!(cases.len() > 80, "{}", cases.len());
    let honest = Arc::new(Honest::new().await);
    let chosen: Vec<usize> = (0..count).map(|_| chance.random_range(0..cases.len())).collect();
    stream::iter(chosen)
        .map(|index| {
            let (cases, honest) = (Arc::clone(&cases), Arc::clone(&honest));
            async move {
                let hostile = tokio::spawn(async move { cases[index].ends_so().await });
                let honest = tokio::spawn(async move { honest.is_unharmed().await });
                honest.await.unwrap();
                hostile.await.unwrap();
            }
        })
        .buffer_unordered(CROWD)
        .collect::<Vec<()>>()
        .await;
    use_sandbox(None);
}

/// Runs this test again in a process of its own, where no other test takes memory meanwhile.
#[test]
fn a_thousand_hostile_tasks_leave_the_host_as_it_was() {
    const CHILD: &str = "STEPWELL_MIXED_CHILD";
    if env::var_os(CHILD).is_some() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(a_thousand_hostile_tasks());
    }
    let name = "mixed::a_thousand_hostile_tasks_leave_the_host_as_it_was";
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        // What is large goes back to the system at once, so that what is held is what is in use.
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_TRIM_THRESHOLD_", "65536")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&child.stdout));
    eprintln!("{}", String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{}", child.status);
}

async fn a_thousand_hostile_tasks() {
    let seed = env::var("STEPWELL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| rand::rng().random());
    println!("STEPWELL_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    // The first round is for what the process keeps for good: threads, arenas, what was loaded lazily.
    round(&mut chance, INVOCATIONS).await;
    let before = Held::now();
    round(&mut chance, INVOCATIONS).await;
    let after = Held::now();
    println!("{before:?} {after:?}");
    assert_eq!(after.descriptors, before.descriptors);
    assert!(after.threads <= before.threads, "{before:?} {after:?}");
    let most = before.resident_pages + before.resident_pages / GROWTH;
    assert!(after.resident_pages <= most, "{before:?} {after:?}");
}
