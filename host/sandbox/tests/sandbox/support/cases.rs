//! Hostile cases: a function, its event, and the one way in which it ends. Each is a test of its own, and
//! `mixed` takes them all.

use serde_json::json;
use stepwell_sandbox::{Failure, Function, Guard, Invoked, Status};

use super::{Guest, Setup, answer, invoke};

/// How a hostile invocation ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// Out of fuel or time, and this guard saw it.
    Timeout(Guard),
    /// Out of fuel or time; which of the two comes first depends on the machine.
    AnyTimeout,
    /// Out of memory, which memories or tables asked for.
    OutOfMemory(Guard),
    /// Another guard stopped it.
    Stopped(Guard),
    /// It crashed, and the message says this.
    Exit(&'static str),
    /// Its answer is none: the error's type.
    NoAnswer(&'static str),
    /// With a failure of its own: the error's name.
    Fails(&'static str),
    /// With an answer: nothing came of it.
    Answers(&'static str),
}

/// A hostile function and its event.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    setup: Setup,
    event: String,
    end: End,
}

/// Makes a test of each case, and the list of them all.
macro_rules! cases {
    ($($(#[doc = $why:literal])* $name:ident => $case:expr;)*) => {
        $($(#[doc = $why])* #[tokio::test] async fn $name() { $case.assert_contained().await; })*

        pub(crate) fn cases() -> Vec<crate::support::Case> {
            vec![$($case.named(stringify!($name))),*]
        }
    };
}
pub(crate) use cases;

impl Case {
    /// A guest with 128 MB and a second.
    pub(crate) fn guest(guest: &Guest, end: End) -> Self {
        Self::of(Setup::guest(guest).timeout(1), "{}", end)
    }

    /// A deed of `guest-tasks/hostile` with 128 MB and a second.
    pub(crate) fn deed(event: &str, end: End) -> Self {
        Self::of(Setup::hostile().timeout(1), event, end)
    }

    pub(crate) fn of(setup: Setup, event: &str, end: End) -> Self {
        Self { name: "", setup, event: event.to_owned(), end }
    }

    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Whether it can be run by the hundred: not where it takes the host's own time, up to its timeout.
    pub(crate) fn is_cheap(&self) -> bool {
        !matches!(self.end, End::AnyTimeout)
    }

    /// Its function, to be invoked more than once.
    pub(crate) fn ready(self) -> Ready {
        let Self { name, setup, event, end } = self;
        Ready { name, function: setup.function(), event, end }
    }

    /// Invokes it once, with an honest neighbour before and after.
    pub(crate) async fn assert_contained(self) -> Invoked {
        let ready = self.ready();
        let honest = Honest::new().await;
        let invoked = ready.ends_so().await;
        honest.is_unharmed().await;
        invoked
    }
}

/// A case whose function has been made.
pub(crate) struct Ready {
    pub(crate) name: &'static str,
    function: Function,
    event: String,
    end: End,
}

impl Ready {
    /// Invokes it, and checks how it ends and what the report says of it.
    pub(crate) async fn ends_so(&self) -> Invoked {
        let invoked = invoke(&self.function, &self.event).await;
        self.check(&invoked);
        invoked
    }

    fn check(&self, invoked: &Invoked) {
        let Self { name, end, .. } = self;
        let Invoked { result, report } = invoked;
        let told = || format!("{name}: {result:.300?}\n{report}\n{:?}", report.log.first());
        let (error_type, message) = match result {
            Err(Failure { error_type, message, .. }) => (error_type.as_str(), message.as_str()),
            Ok(answer) => ("", answer.as_str()),
        };
        let error = |guard| Status::Error { error_type: error_type.to_owned(), guard };
        let (expected, is_right) = match *end {
            End::Timeout(guard) => ("Sandbox.Timedout", report.status == Status::Timeout(guard)),
            End::AnyTimeout => ("Sandbox.Timedout", matches!(report.status, Status::Timeout(_))),
            End::OutOfMemory(guard) => ("Runtime.OutOfMemory", report.status == error(Some(guard))),
            End::Stopped(guard) => ("Runtime.ExitError", report.status == error(Some(guard))),
            End::Exit(text) => {
                ("Runtime.ExitError", report.status == error(None) && message.contains(text))
            }
            End::NoAnswer(error_type) => (error_type, report.status == error(None)),
            End::Fails(error_type) => {
                (error_type, report.status == Status::Failed { error_type: error_type.to_owned() })
            }
            End::Answers(text) => ("", report.status == Status::Success && message == text),
        };
        assert!(error_type == expected && is_right, "not {end:?}\n{}", told());
        // However it ends, it takes no more of the host's time than it was given, compiling aside; the
        // factor is for a machine that has other work as well.
        let timeout = u64::from(report.limits.timeout_seconds);
        assert!(report.wall.as_secs() < 10 * timeout + 20, "{}", told());
    }
}

/// An honest function, whose answer and fuel must not depend on its neighbours.
pub(crate) struct Honest {
    function: Function,
    fuel: u64,
}

impl Honest {
    const EVENT: &str = r#"{"do":"burn","units":1000}"#;

    /// Invokes it for the first time.
    pub(crate) async fn new() -> Self {
        let function = Setup::hostile().function();
        let fuel = invoke(&function, Self::EVENT).await.report.usage.fuel;
        assert!(fuel > 1_000);
        Self { function, fuel }
    }

    /// Invokes it again: the answer is right and the fuel exactly the same.
    pub(crate) async fn is_unharmed(&self) {
        let invoked = invoke(&self.function, Self::EVENT).await;
        let burn = |value: u64, unit: u64| (value ^ unit).wrapping_mul(6_364_136_223_846_793_005);
        let result = (0..1_000).fold(1, burn);
        assert_eq!(answer(&invoked), json!({ "burnt": 1_000, "result": result }));
        assert_eq!(invoked.report.usage.fuel, self.fuel);
        assert!(invoked.report.breaches.is_empty(), "{:?}", invoked.report.breaches);
    }
}
