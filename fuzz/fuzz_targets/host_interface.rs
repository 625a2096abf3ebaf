//! No calls of the host, in whatever order and with whatever arguments, make it panic, exceed the limits,
//! touch what was not granted, or burn different fuel when they are repeated.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::interface::Interface;
use stepwell_fuzz::trial::{Objects, SANDBOX, invoke_twice};
use stepwell_fuzz::{interpreter, program};
use stepwell_sandbox::{Component, FailureKind};

static INTERFACE: LazyLock<Interface> = LazyLock::new(Interface::read);
static OBJECTS: LazyLock<Objects> = LazyLock::new(Objects::default);
static COMPONENT: LazyLock<Component> = LazyLock::new(|| {
    let bytes = interpreter::component(&INTERFACE, program::TEXTS);
    Component::load(&SANDBOX, &bytes).unwrap_or_else(|error| panic!("{error}"))
});

fuzz_target!(|bytes: &[u8]| {
    let event = program::event(&INTERFACE, bytes);
    let invoked = invoke_twice(&COMPONENT, &OBJECTS, &event);
    match &invoked.result {
        Ok(answer) => assert_eq!(answer, "null"),
        // The interpreter says no error of its own and is always made.
        Err(failure) => {
            let is_ours = matches!(failure.kind, FailureKind::Crash | FailureKind::Guard(_));
            assert!(is_ours, "{failure:?}");
            assert!(!failure.message.contains("unreachable"), "{failure:?}");
        }
    }
});
