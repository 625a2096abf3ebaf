//! Expressions that mean harm, or bad luck: each ends in a result or by a limit, in less than two seconds of
//! processor time and 64 MiB.
//!
//! Time is the thread's, so that other work on the machine does not count. Memory is the most that the process
//! had at a time beyond what it had before, so the expressions run one after the other.

mod support;

use std::alloc::{GlobalAlloc, Layout};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use stepwell_allowance::Allocator;
use stepwell_query::{Jsonata, JsonataError};

use support::{World, same};

const TIME_MAX: Duration = Duration::from_secs(2);
const BYTES_MAX: usize = 64 << 20;

/// Counts what the process has, over the allocator that the limits need.
struct Watched;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call goes to `Allocator` as it came.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = BYTES.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(bytes, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { Allocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { Allocator.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("time goes on");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("a part of a second"))
}

/// An input of some 250 KiB: texts, numbers, nested arrays.
fn input() -> Value {
    let numbers: Vec<u32> = (0..12_000).collect();
    let objects: Value =
        (0..2_000).map(|id| json!({ "id": id, "name": format!("n{id}") })).collect();
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    json!({ "text": "a".repeat(60_000) + "!", "numbers": numbers, "objects": objects, "deep": deep })
}

const ENDLESS: [&str; 7] = [
    "($f := function($x){ $f($x) }; $f(1))",
    "($f := function($x){ $f($x) + 1 }; $f(1))",
    "(function($f){ $f($f) })(function($f){ $f($f) })",
    "($y := function($f){ (function($x){ $x($x) })(function($g){ $f(function($a){ $g($g)($a) }) }) }; $y(function($s){ function($n){ $s($n) } })(1))",
    "($a := function($n){ $b($n) }; $b := function($n){ $a($n) }; $a(1))",
    "($f := function($n){ $n > 0 ? $f($n - 1) + $f($n - 1) : 1 }; $f(100))",
    "$reduce([1..800000], function($a, $b){ $a + $sum([1..1000]) })",
];

const LARGE: [&str; 16] = [
    "($f := function($s){ $f($s & $s) }; $f('abc'))",
    "[1..10000000]",
    "$count([1..3000].([1..3000]))",
    "$count([1..1000].[[1..100000]])",
    "$map([1..1000], function($i){ $pad('x', 4000000) })",
    "($x := [1..800000]; [$x, $x, $x, $x, $x].$string())",
    "$string([1..870000])",
    "$reduce([1..100000], function($a, $b){ [$a, $a] }, 1)",
    "$reduce([1..100000], function($a, $b){ {'a': $a} }, 1)",
    "$reduce([1..40], function($a, $b){ [$a, $a] }, [1])",
    "$formatInteger(1e308, 'I')",
    "$join($map([1..800000], function($i){ 'aaaaaaaaaa' }), ',')",
    "$replace($pad('', 4000000, 'a'), 'a', 'bbbb')",
    "$count($zip([1..800000], [1..800000], [1..800000]))",
    "$merge([1..800000].{ $string($): $ })",
    "[1..800000].{ 'a': [1..10] }",
];

const SLOW: [&str; 22] = [
    "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', /^(a+)+$/)",
    "$match($states.input.text, /(a|aa)+$/)",
    "$contains($states.input.text, /(.*)*b/)",
    "$split($states.input.text, /a/) ~> $count",
    "$replace($pad('', 1000000, 'ab'), /a/, 'b') ~> $length",
    "$match($pad('', 4000000, 'ab'), /a/) ~> $count",
    "$distinct([1..870000]) ~> $count",
    "$distinct($map([1..20000], function($i){ $pad('', 1000, 'a') & $i })) ~> $count",
    "$keys($merge([1..200000].{ $string($): $ })) ~> $count",
    "$count([1..2000].($x := $; [1..2000][$ = $x]))",
    "$states.input.objects@$a.$states.input.objects@$b[$a.id = $b.id].{ 'a': $a, 'b': $b } ~> $count",
    "$states.input.objects@$a.objects@$b.objects@$c.($a.id + $b.id + $c.id) ~> $count",
    "$sort($states.input.numbers, function($a, $b){ true }) ~> $count",
    "$sort([1..100000], function($a, $b){ $sum([1..1000]) > 0 }) ~> $count",
    "$count($filter([1..10000], function($i){ $states.input = $states.input }))",
    "$count($map([1..10000], function($i){ $string($states.input) }))",
    "$count($map([1..100000], function($i){ $length($states.input.text) }))",
    "$states.input.** ~> $count",
    "$count($states.input.**.**)",
    "$states.input ~> |**|{ 'x': $count($states.input.numbers) }| ~> $count",
    "[1..100000]{ $string($): $ } ~> $keys ~> $count",
    "$count($shuffle([1..800000])^(>$))",
];

#[test]
fn nothing_takes_more_than_it_may() {
    let world = World { input: input(), ..World::default() };
    let texts = ENDLESS.iter().chain(&LARGE).chain(&SLOW).map(|text| (*text).to_owned());
    let nested =
        ["(", "[", "{'a':", "-", "function($x){", "$f(", "1+", "$x.", "$x[", "1?1:", "$not("];
    let nested = nested.iter().map(|open| open.repeat(50_000) + "1");
    let closed = [("(", ")"), ("[", "]"), ("$string(", ")"), ("{'a':", "}")];
    let closed = closed.map(|(open, close)| open.repeat(20_000) + "1" + &close.repeat(20_000));
    for text in texts.chain(nested).chain(closed) {
        let shown: String = text.chars().take(60).collect();
        let before = BYTES.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let started = processor_time();
        let result = Jsonata::parse(&text)
            .map(|expression| expression.evaluate(&world).map(|value| drop(value.into_owned())));
        let time = processor_time().saturating_sub(started);
        let bytes = MOST.load(Ordering::Relaxed) - before;
        println!("{:5} ms {:6} KiB {shown} {result:?}", time.as_millis(), bytes >> 10);
        assert!(time < TIME_MAX, "{shown}: {time:?}");
        assert!(bytes < BYTES_MAX, "{shown}: {bytes} bytes");
    }
}

#[test]
fn what_has_no_end_is_ended_by_a_limit() {
    let world = World { input: input(), ..World::default() };
    for text in ENDLESS {
        let ended = Jsonata::parse(text).unwrap().evaluate(&world).map(|_| ());
        assert!(matches!(ended, Err(JsonataError::Limit(_))), "{text}: {ended:?}");
    }
}

#[test]
fn what_is_drawn_is_the_same_again() {
    let text = "[$uuid(), $random(), $random(), $shuffle([1..20]), $now(), $millis(), $random(7)]";
    let drawn = || {
        let world = World::default();
        Jsonata::parse(text).unwrap().evaluate(&world).unwrap().into_owned()
    };
    assert!(same(&drawn(), &drawn()));
}

/// Official expressions, cut, doubled and mixed by a seed (`SplitMix64`): whatever they are then, they are refused or
/// evaluated.
#[test]
fn damaged_expressions_are_no_reason_to_panic() {
    const CASES: usize = 6_000;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/jsonata/cases.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped, for `../shared/jsonata` is not here");
        return;
    };
    let cases: Value = serde_json::from_str(&text).expect("the cases are JSON");
    let texts: Vec<Vec<char>> = cases
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|case| case["expr"].as_str().map(|text| text.chars().collect()))
        .collect();
    let mut state = 7_u64;
    let mut below = |most: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((x ^ (x >> 31)) % (most.max(1) as u64)).expect("it is less than the most")
    };
    let world = World { input: json!({ "a": [1, { "b": "x" }], "c": null }), ..World::default() };
    let mut evaluated = 0;
    for _ in 0..CASES {
        let (one, other) = (&texts[below(texts.len())], &texts[below(texts.len())]);
        let (cut, from) = (below(one.len() + 1), below(other.len() + 1));
        let mixed: String = match below(3) {
            0 => one[..cut].iter().chain(&other[from..]).collect(),
            1 => one[..cut].iter().chain(one.get(cut + 1..).unwrap_or_default()).collect(),
            _ => one[..cut].iter().chain(&one[cut / 2..]).collect(),
        };
        if let Ok(expression) = Jsonata::parse(mixed.trim()) {
            evaluated += usize::from(expression.evaluate(&world).is_ok());
        }
    }
    println!("{evaluated} of {CASES} came to a value");
    assert!(evaluated > 0, "nothing was evaluated");
}
