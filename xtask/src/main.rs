//! `cargo xtask`: builds guests, runs the demo, runs all tests, runs benchmarks.
//!
//! Needs nothing but rustup's stable Rust, and for the tests Python 3 and Node.js 20: what is missing besides is
//! installed, and every command is shown before it runs. No dependencies, so that the first word comes at once.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "telling what happens is its purpose"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo      build everything and watch the paginated import run
  test      build everything and run all tests
  crash     kill each workflow of the crash tests 500 times (`crash N`: N times)
  guests    build the guest tasks (guest-tasks/) to WebAssembly components
  languages install what builds tasks in Python (componentize-py), JavaScript (componentize-js) and C (zig)
  registry  install Debian's docker-registry, which tests fetch components from
  bench     run the benchmarks
  check     check formatting, lints and documentation, as CI does before the tests";

const GUEST_TARGET: &str = "wasm32-wasip2";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let result = match command.as_str() {
        "demo" => demo(),
        "test" => test(),
        "crash" => crash(),
        "guests" => guests(),
        "languages" => languages(),
        "registry" => registry(),
        "bench" => bench(),
        "check" => check(),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

type Result<T = ()> = std::result::Result<T, String>;

fn demo() -> Result {
    guests()?;
    say("Build stepwell and the source of orders (some minutes the first time)");
    let source = build("orders-source", "orders-source")?;
    let stepwell = build("stepwell-cli", "stepwell")?;
    say("Start a paginated source of 1,003 orders");
    let mut server = Command::new(source).stdout(Stdio::piped()).spawn().map_err(text)?;
    let stdout = server.stdout.take().ok_or("the source has no output")?;
    let server = Server(server);
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url).map_err(text)?;
    let url = url.trim();
    println!("    {url}");
    say("Import them: three sandboxed components and a Choice that loops");
    let input = format!(
        "{{\"source\":\"{url}\",\"bucket\":\"orders\",\"cache\":\"cache/import/\",\
         \"destination\":\"imported/orders.jsonl\"}}"
    );
    let objects = root().join("demo-objects");
    let mut run = Command::new(stepwell);
    run.current_dir(root())
        .args(["run", "workflows/import-orders.yaml", "--input", &input, "--objects"])
        .arg(&objects);
    execute(&mut run)?;
    drop(server);
    let object = objects.join("orders/imported/orders.jsonl");
    let rows = std::fs::read_to_string(&object).map_err(text)?.lines().count();
    say(&format!("Done: {rows} rows in {}", object.display()));
    if rows == 1_003 { Ok(()) } else { Err(format!("expected 1003 rows, found {rows}")) }
}

fn test() -> Result {
    guests()?;
    languages()?;
    if let Err(missing) = registry() {
        // Not everybody has Debian; in CI the tests insist.
        println!("    {missing}\n    The tests of registries are skipped.");
    }
    say("Test the guest tasks natively");
    execute(guest_cargo().args(["test", "--workspace", "--locked"]))?;
    let mut python = Command::new("python3");
    python.args(["-B", "-m", "unittest", "discover", "--quiet", "--buffer", "-s", "tests"]);
    execute(python.current_dir(guests_in("python")))?;
    let node_tests = ["--test", "--test-reporter=dot", "stepwell-task/test", "test"];
    execute(Command::new("node").args(node_tests).current_dir(guests_in("javascript")))?;
    say("Test the host (some minutes to build the first time)");
    if has_nextest() {
        // The examples in the documentation, which nextest does not run, come first: they are few.
        execute(cargo().args(["test", "--workspace", "--locked", "--doc"]))?;
        execute(cargo().args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]))?;
    } else {
        execute(cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]))?;
    }
    say("All tests passed");
    Ok(())
}

/// The crash tests at full length: some 15 minutes for 500 kills each.
fn crash() -> Result {
    guests()?;
    let kills = std::env::args().nth(2).unwrap_or_else(|| "500".to_owned());
    say(&format!("Kill each workflow {kills} times"));
    let mut tests = cargo();
    tests.args(["test", "--locked", "--package", "stepwell-cli", "--test", "cli", "crash::"]);
    execute(tests.env("STEPWELL_CRASH_KILLS", kills).args(["--", "--nocapture"]))
}

fn guests() -> Result {
    say("Build the guest tasks");
    install_target()?;
    let target = ["--target", GUEST_TARGET];
    execute(guest_cargo().args(["build", "--workspace", "--release", "--locked"]).args(target))
}

/// Installs what builds tasks in Python, JavaScript and C, beside the guests that it builds. All of it comes from
/// the languages' registries, pinned.
fn languages() -> Result {
    let tools = root().join("guest-tasks/target/python");
    let componentize = tools.join("bin/componentize-py");
    if !componentize.exists() {
        say("Install componentize-py, for tasks in Python");
        execute(Command::new("python3").args(["-m", "venv"]).arg(&tools)).map_err(|error| {
            format!("{error}\nPython 3.10 or newer with `venv` is needed: apt install python3-venv")
        })?;
        let mut pip = Command::new(tools.join("bin/pip"));
        execute(pip.args(["install", "--quiet", "componentize-py==0.25.1"]))?;
    }
    if !tools.join("bin/python-zig").exists() {
        say("Install zig, a compiler for tasks in C");
        execute(Command::new(tools.join("bin/pip")).args([
            "install",
            "--quiet",
            "ziglang==0.17.1",
        ]))?;
    }
    let wit_bindgen = root().join("guest-tasks/target/wit-bindgen");
    if !wit_bindgen.join("bin/wit-bindgen").exists() {
        say("Install wit-bindgen, for tasks in C");
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", "wit-bindgen-cli@0.61.1"]);
        install.args(["--no-default-features", "--features", "c", "--root"]).arg(&wit_bindgen);
        execute(&mut install)?;
    }
    if !guests_in("javascript").join("node_modules/esbuild").exists() {
        say("Install componentize-js, for tasks in JavaScript");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
        execute(npm.current_dir(guests_in("javascript"))).map_err(|error| {
            format!("{error}\nNode.js 20 or newer with npm is needed: apt install nodejs npm")
        })?;
    }
    Ok(())
}

/// Puts a registry for components beside the guests: Debian's, without installing it.
fn registry() -> Result {
    let folder = root().join("guest-tasks/target/registry");
    let installed = Command::new("docker-registry").arg("--version").output().is_ok();
    if installed || folder.join("usr/bin/docker-registry").exists() {
        return Ok(());
    }
    say("Fetch docker-registry, for tests of components from a registry");
    std::fs::create_dir_all(&folder).map_err(text)?;
    let download = || {
        execute(Command::new("apt-get").args(["download", "docker-registry"]).current_dir(&folder))
    };
    download().or_else(|_| {
        // The lists of packages may be missing or old.
        execute(Command::new("apt-get").arg("update"))?;
        download()
    })?;
    let packages = std::fs::read_dir(&folder).map_err(text)?;
    let package = packages
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or("apt-get left no package")?;
    execute(Command::new("dpkg-deb").arg("--extract").args([&package, &folder]))
}

/// A folder of the guests in another language.
fn guests_in(language: &str) -> PathBuf {
    root().join("guest-tasks").join(language)
}

fn bench() -> Result {
    guests()?;
    say("Run the benchmarks, one at a time");
    execute(cargo().args(["bench", "--workspace", "--locked", "--benches"]))
}

fn check() -> Result {
    say("Check formatting, lints and documentation");
    execute(cargo().args(["fmt", "--all", "--check"]))?;
    execute(guest_cargo().args(["fmt", "--all", "--check"]))?;
    execute(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-Dwarnings",
    ]))?;
    let lint_guests = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-Dwarnings"];
    execute(guest_cargo().args(lint_guests))?;
    let mut doc = cargo();
    doc.env("RUSTDOCFLAGS", "-Dwarnings");
    execute(doc.args(["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]))
}

/// The guests' target comes from rustup; without rustup it may be there all the same.
fn install_target() -> Result {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let Ok(installed) = installed else {
        println!("    rustup is not here; trusting that the target {GUEST_TARGET} is installed");
        return Ok(());
    };
    if String::from_utf8_lossy(&installed.stdout).lines().any(|line| line == GUEST_TARGET) {
        return Ok(());
    }
    execute(Command::new("rustup").args(["target", "add", GUEST_TARGET])).map_err(|error| {
        format!(
            "{error}\nguest-tasks/README.md tells how to build the guests without rustup's server"
        )
    })
}

/// Builds a binary and tells where it is.
fn build(package: &str, binary: &str) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--locked", "--package", package, "--bin", binary]);
    command.arg("--message-format=json-render-diagnostics");
    show(&command);
    let output = command.stderr(Stdio::inherit()).output().map_err(text)?;
    if !output.status.success() {
        return Err(format!("building {package} failed"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(|line| {
        let path = line.split_once("\"executable\":\"")?.1.split('"').next()?;
        Path::new(path).file_stem()?.to_str()?.eq(binary).then(|| PathBuf::from(path))
    });
    executable.ok_or_else(|| format!("cargo did not say where {binary} is"))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Cargo in the guests' workspace, whose target folder is where workflow files look for components.
fn guest_cargo() -> Command {
    let mut command = cargo();
    command.current_dir(root().join("guest-tasks")).env_remove("CARGO_TARGET_DIR");
    command
}

fn has_nextest() -> bool {
    let version = cargo().args(["nextest", "--version"]).output();
    version.is_ok_and(|output| output.status.success())
}

/// The repository that is worked on: that of the `cargo` which runs this, not the one in which this was
/// built, where two clones share a target folder.
fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
    let manifest = manifest.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().unwrap_or(&manifest).to_owned()
}

fn execute(command: &mut Command) -> Result {
    show(command);
    let status = command.status().map_err(|error| format!("cannot start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("failed: {}", words(command))) }
}

fn say(what: &str) {
    println!("==> {what}");
}

fn show(command: &Command) {
    println!("    $ {}", words(command));
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A server that ends with the demo.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
