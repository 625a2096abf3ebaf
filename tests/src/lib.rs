//! What the test binaries of this package share: where cases lie ([`folder`]), how an execution runs in
//! virtual time against scripted functions ([`run`], [`script`]), which states it entered ([`entered`]), and
//! how findings and runs are written down ([`show`]); what AWS did ([`recording`]), how far a run agrees with it
//! ([`agreement`]), and which cases may differ ([`exceptions`]); and what a simulation is made of: random numbers
//! ([`random`]), machines ([`machine`]) and answers ([`world`]), and a driver that crashes ([`crashing`]).
//!
//! The only code that touches the crates' interfaces on behalf of the case folders; a change of an
//! interface is an edit here and not in hundreds of cases.

pub mod agreement;
pub mod crashing;
pub mod entered;
pub mod exceptions;
pub mod folder;
pub mod machine;
pub mod random;
pub mod recording;
pub mod run;
pub mod script;
pub mod show;
pub mod world;

/// Says something beside the test results: to standard error, for a runner reads the list of tests from the
/// standard output, and nothing else may be there.
#[expect(clippy::print_stderr, reason = "a test binary's own report")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
