//! `--help`, `--version`, completions, and arguments that are none.

use std::process::{Command, Stdio};

use crate::support::{Cli, Ran};

const COMMANDS: [&str; 6] = ["run", "validate", "inspect", "graph", "eval", "completions"];

fn stepwell(arguments: &[&str]) -> Ran {
    Cli::new().args(arguments).run()
}

#[test]
fn help_names_the_commands_and_the_exit_codes() {
    let ran = stepwell(&["--help"]).succeeds();
    for text in COMMANDS.iter().chain(&["Exit codes:", "  3  the environment"]) {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    assert_eq!(ran.stderr, "");
}

#[test]
fn the_help_of_each_command_has_examples() {
    for command in COMMANDS {
        let ran = stepwell(&[command, "--help"]).succeeds();
        let (_, examples) = ran.stdout.split_once("Example").unwrap();
        assert!(examples.contains(&format!("stepwell {command} ")), "{}", ran.stdout);
    }
}

#[test]
fn the_version_is_told() {
    stepwell(&["--version"]).succeeds().prints(concat!("stepwell ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_arguments_help_is_shown_as_a_mistake() {
    stepwell(&[]).exits(2).prints_nothing().says(["Usage: stepwell"]);
}

#[test]
fn arguments_that_are_none_are_refused() {
    stepwell(&["run", "w.yaml", "--skip-wait"]).exits(2).says(["--skip-wait", "'--skip-waits'"]);
    stepwell(&["start"]).exits(2).says(["unrecognized subcommand 'start'"]);
    stepwell(&["run"]).exits(2).says(["<FILE>"]);
    stepwell(&["validate"]).exits(2).says(["<FILES>"]);
    stepwell(&["completions", "cmd"]).exits(2).says(["possible values: bash"]);
}

#[test]
fn completions_are_scripts_for_their_shell() {
    let script = stepwell(&["completions", "bash"]).succeeds().stdout;
    for text in COMMANDS.iter().chain(&["--skip-waits", "--state-machine"]) {
        assert!(script.contains(text), "{text}");
    }
    let bash = Command::new("bash").args(["-nc", &script]).stderr(Stdio::piped()).output();
    match bash {
        Ok(checked) => assert!(checked.status.success(), "{checked:?}"),
        Err(error) => println!("SKIPPED the check of the script: no bash: {error}"),
    }
    for shell in ["zsh", "fish"] {
        assert!(stepwell(&["completions", shell]).succeeds().stdout.contains("stepwell"));
    }
}
