//! Components that are costly to compile: each is refused within the bounds of the compiler's process, and
//! nothing of that process stays behind. What has to be refused for its cost gets bounds that are far below it,
//! so that no test depends on the machine's speed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Background, Cli, Ran, guest, machine_of};

const MEMORY: &str = "STEPWELL_COMPILE_MEMORY_MB";
const SECONDS: &str = "STEPWELL_COMPILE_SECONDS";
/// More than the compiler needs to start and to compile what is small.
const LITTLE_MEMORY: &str = "64";

/// Inspects what nobody has compiled before.
fn inspect(bytes: &[u8]) -> Cli {
    let cli = Cli::new().env("STEPWELL_CACHE", "code");
    cli.file("task.wasm", bytes).args(["inspect", "task.wasm"])
}

/// Inspects with little memory and little time.
fn bounded(bytes: &[u8]) -> Cli {
    inspect(bytes).env(MEMORY, LITTLE_MEMORY).env(SECONDS, "20")
}

fn needs_memory(bytes: &[u8]) -> Ran {
    bounded(bytes).run().exits(2).prints_nothing().says([
        "error: `task.wasm`: the component costs too much to compile: it takes more than 64 MiB of memory\n",
        "for a component that you trust, set `STEPWELL_COMPILE_MEMORY_MB` or",
    ])
}

fn invalid(bytes: &[u8], reason: &str) -> Ran {
    let ran = bounded(bytes).run().exits(2).prints_nothing();
    ran.says(["error: `task.wasm`: not a valid component: ", reason])
}

/// It is understood to its end, and is of no world.
fn of_no_world(cli: Cli) {
    let told = ["`task.wasm` is no task: the component has another world: it exports nothing"];
    cli.run().exits(2).says(told);
}

/// A number as LEB128, as all lengths and indices are written.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

fn section(id: u8, bytes: &[u8]) -> Vec<u8> {
    [&[id], &leb(bytes.len())[..], bytes].concat()
}

/// A component around the sections that are given.
fn component(sections: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", sections].concat()
}

/// A component with a module of so many equal functions that take nothing. The second type is one with a thousand results.
fn functions(count: usize, body: &[u8]) -> Vec<u8> {
    let results = [&[0x60, 0][..], &leb(1_000), &[0x7f; 1_000]].concat();
    let types = [&[2, 0x60, 0, 0][..], &results].concat();
    let declared = [leb(count), vec![0; count]].concat();
    let function = [&leb(body.len() + 1), body, &[0x0b]].concat();
    let code = [leb(count), function.repeat(count)].concat();
    let sections = [section(1, &types), section(3, &declared), section(10, &code)].concat();
    component(&section(1, &[b"\0asm\x01\0\0\0", &sections[..]].concat()))
}

/// No locals.
const NO_LOCALS: &[u8] = &[0];

/// 1.5 million blocks, each in the one before: minutes of work and little memory.
fn nested_blocks() -> Vec<u8> {
    const DEPTH: usize = 1_500_000;
    functions(1, &[NO_LOCALS, &[0x02, 0x40].repeat(DEPTH), &[0x0b].repeat(DEPTH)].concat())
}

#[test]
fn a_hundred_thousand_functions_are_refused_for_their_memory() {
    needs_memory(&functions(100_000, NO_LOCALS));
}

#[test]
fn a_thousand_functions_are_no_matter() {
    of_no_world(inspect(&functions(1_000, NO_LOCALS)));
}

#[test]
fn a_small_file_that_is_made_to_explode_is_refused() {
    // A branch to one of ten thousand places, each with a thousand values: 23 kB that need 1.5 GB.
    let targets: Vec<u8> = (0..=10_000).flat_map(|target| leb(target % 500)).collect();
    let body = [
        NO_LOCALS,
        &[0x02, 1].repeat(500),
        &[0x41, 0].repeat(1_001),
        &[0x0e],
        &leb(10_000),
        &targets,
        &[0x0b].repeat(500),
        &[0x1a].repeat(1_000),
    ];
    let bytes = functions(1, &body.concat());
    assert!(bytes.len() < 30_000);
    needs_memory(&bytes);
}

#[test]
fn one_giant_function_is_refused() {
    // Adds up its 50,000 locals and changes each, again and again.
    let body = |bytes_min: usize| {
        let mut body = [&[1][..], &leb(50_000), &[0x7f]].concat();
        let mut index = 0;
        while body.len() < bytes_min {
            let [from, to] = [index % 50_000, index * 31 % 50_000].map(leb);
            body.extend([&[0x20], &from[..], &[0x41, 1, 0x6a, 0x21], &to].concat());
            index += 1;
        }
        body
    };
    invalid(&functions(1, &body(10_000_000)), "function body size count exceeds limit of 7654321");
    needs_memory(&functions(1, &body(7_000_000)));
}

#[test]
fn work_that_takes_too_long_is_ended_by_its_processor_time() {
    let ran = inspect(&nested_blocks()).env(SECONDS, "1").run().exits(2).prints_nothing();
    ran.says(["it takes more than 1 seconds of processor time\n"]);
}

#[test]
fn two_hundred_megabytes_are_read_or_refused() {
    let zeros = section(0, &[&b"\x01x"[..], &vec![0; 200 << 20]].concat());
    of_no_world(inspect(&component(&zeros)));
    // With the memory for half of it, it cannot even be read.
    needs_memory(&component(&zeros));
    let adds = [0x41, 1, 0x41, 2, 0x6a, 0x1a].repeat(1_000);
    needs_memory(&functions(33_000, &[NO_LOCALS, &adds].concat()));
}

#[test]
fn a_file_beyond_the_largest_package_is_not_compiled() {
    let zeros = section(0, &[&b"\x01x"[..], &vec![0; 262_144_000]].concat());
    invalid(&component(&zeros), "the most is 262144000");
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn types_that_grow_without_end_are_refused() {
    let doubled = |level: usize| {
        format!("(type $t{} (record (field \"a\" $t{level}) (field \"b\" $t{level})))", level + 1)
    };
    let doubled: String = (0..64).map(doubled).collect();
    let text = format!("(component (type $t0 (record (field \"a\" string))) {doubled})");
    invalid(&wat(&text), "effective type size exceeds the limit");
    let nested = |level: usize| format!("(type $t{} (list $t{level}))", level + 1);
    let nested: String = (0..100_000).map(nested).collect();
    let text = format!(
        "(component (type $t0 (list u8)) {nested} (import \"f\" (func (param \"x\" $t100000))))"
    );
    invalid(&wat(&text), "");
    let deep = [&b"\0asm\x0d\0\x01\0"[..], &[7, 0x80, 0x80, 4, 1][..], &[0x41, 1, 1].repeat(5_000)];
    invalid(&deep.concat(), "");
}

#[test]
fn components_in_components_are_read_or_refused() {
    let nested = (0..2_000).fold(Vec::new(), |inner, _| section(4, &component(&inner)));
    let ran = bounded(&component(&nested)).run().exits(2);
    assert!(ran.stderr.contains("task.wasm"), "{}", ran.stderr);
}

#[test]
fn what_no_instance_has_room_for_is_refused_before_it_is_compiled() {
    let module = "(core module $m (memory 1))";
    let five = "(core instance (instantiate $m))".repeat(5);
    let told = "error: `task.wasm`: the component is too large to run here: \
        it has at least 5 memories, the most is 4\n";
    bounded(&wat(&format!("(component {module} {five})"))).run().exits(2).says([told]);
    // Beside code that would take minutes.
    let costly = nested_blocks();
    let many = [&[2][..], &leb(65 * 3 + 1), &[65], &[0, 0, 0].repeat(65)].concat();
    let told = ["it has at least 65 core instances, the most is 64\n"];
    bounded(&[costly, many].concat()).env(MEMORY, "1024").run().exits(2).says(told);
}

#[test]
fn a_component_cut_anywhere_is_refused_in_words() {
    let whole = std::fs::read(guest("echo")).unwrap();
    for part in 1..12 {
        invalid(&whole[..whole.len() * part / 12], "");
    }
}

#[test]
fn a_workflow_says_which_component_costs_too_much() {
    let ran = Cli::workflow(&machine_of("    component: tasks/task.wasm\n"))
        .file("tasks/task.wasm", functions(100_000, NO_LOCALS))
        .env(MEMORY, LITTLE_MEMORY)
        .run();
    ran.exits(2).prints_nothing().says([
        "error[ASL0505]: ",
        "`tasks/task.wasm` is no task: the component costs too much to compile: \
         it takes more than 64 MiB of memory",
        "for a component that you trust, set",
    ]);
}

#[test]
fn bounds_that_are_no_numbers_are_refused() {
    for value in ["", "0", "-1", "1 GB", "1000000001"] {
        let told = format!("`{MEMORY}` is `{value}` and no whole number from 1 ");
        inspect(&wat("(component)")).env(MEMORY, value).run().exits(2).says([&told]);
    }
}

#[test]
fn too_little_memory_for_the_compiler_itself_is_told_as_that() {
    let told = [
        "cannot compile the component: the compiler cannot start its threads: ",
        "or 4 MiB are too little\n",
    ];
    inspect(&wat("(component)")).env(MEMORY, "4").run().exits(3).says(told);
}

#[test]
fn a_compiler_that_nobody_asked_for_says_what_it_wants() {
    let told = "expected the bytes of memory and the seconds of processor time\n";
    for arguments in [&["__compile"][..], &["__compile", "1"], &["__compile", "much", "1"]] {
        Cli::new().args(arguments.iter().copied()).run().exits(3).prints_nothing().says([told]);
    }
    let help = Cli::new().arg("--help").run().succeeds().stdout;
    let completions = Cli::new().args(["completions", "bash"]).run().succeeds().stdout;
    assert!(!help.contains("__compile") && !completions.contains("__compile"));
}

/// A run whose compiler is at work, and that compiler.
#[cfg(target_os = "linux")]
fn compiling() -> (Background, u32) {
    let run = inspect(&nested_blocks()).start();
    let host = run.id();
    let begun = Instant::now();
    loop {
        if let Some(compiler) = compiler_of(host) {
            return (run, compiler);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no compiler is started");
        std::thread::yield_now();
    }
}

/// The child of a process that has bounded itself, which it does before anything else.
#[cfg(target_os = "linux")]
fn compiler_of(host: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| {
        let folder = PathBuf::from(format!("/proc/{id}"));
        let limits = std::fs::read_to_string(folder.join("limits")).unwrap_or_default();
        let bounded = limits.lines().any(|line| {
            line.starts_with("Max file size") && line.split_whitespace().nth(3) == Some("0")
        });
        parent(&folder) == Some(host) && bounded
    })
}

#[cfg(target_os = "linux")]
fn parent(process: &Path) -> Option<u32> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether a process is gone, or only waits for somebody to ask how it ended.
#[cfg(target_os = "linux")]
fn is_gone(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.lines().any(|line| line.starts_with("State:\tZ"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_compiler_that_is_killed_is_told_as_that() {
    let (run, compiler) = compiling();
    let killed = Command::new("sh").args(["-c", &format!("kill -s KILL {compiler}")]).status();
    assert!(killed.unwrap().success());
    run.end().exits(3).prints_nothing().says([
        "error: `task.wasm`: cannot compile the component: something outside killed the compiler",
    ]);
}

#[cfg(target_os = "linux")]
#[test]
fn whatever_ends_the_host_ends_its_compiler() {
    for signal in ["INT", "TERM", "KILL"] {
        let (run, compiler) = compiling();
        _ = run.signal(signal).end();
        let ended = Instant::now();
        while !is_gone(compiler) {
            assert!(ended.elapsed() < Duration::from_secs(30), "{signal}: it goes on");
            std::thread::yield_now();
        }
    }
}

/// The cache's entries, which only their owner may read or write.
#[cfg(unix)]
#[test]
fn a_poisoned_cache_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let task = guest("echo");
    let run = |cli: Cli| {
        let workflow = machine_of(&format!("    component: {task}\n"));
        cli.file("workflow.yaml", workflow).args(["run", "workflow.yaml", "--durability", "none"])
    };
    let first = run(Cli::new().env("STEPWELL_CACHE", "code")).run().succeeds();
    let output = first.stdout.clone();
    let folder = first.path("code");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
    // Beside the code there are its seal, and what the component's file hashes to.
    let entries: Vec<_> = entries.filter(|entry| entry.path().extension().is_none()).collect();
    let [entry] = &entries[..] else { panic!("one entry") };
    assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    // Every part of the file damaged, with bytes that would be code.
    let whole = std::fs::read(entry.path()).unwrap();
    let mut again = first.again();
    for at in [0, 31, 32, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x90;
        std::fs::write(again.path("code").join(entry.file_name()), damaged).unwrap();
        let ran =
            run(again.env("STEPWELL_CACHE", "code")).run().succeeds().prints(output.trim_end());
        let now = std::fs::read(ran.path("code").join(entry.file_name())).unwrap();
        assert!(now == whole, "it is compiled again, to the same code");
        again = ran.again();
    }
    // What is said about them damaged.
    for end in ["seal", "known"] {
        let files =
            std::fs::read_dir(again.path("code")).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.extension().is_some_and(|extension| extension == end))
        {
            let told = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, told.replace(|c: char| c.is_ascii_hexdigit(), "0")).unwrap();
        }
        let ran = run(again.env("STEPWELL_CACHE", "code")).run().succeeds();
        again = ran.prints(output.trim_end()).again();
    }
}
