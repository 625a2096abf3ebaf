//! `stepwell:task/invocation`: what Lambda's context object says.
//!
//! Linked by hand, because the time that is left depends on the fuel, which only the store knows.

use std::time::{Duration, UNIX_EPOCH};

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::Host;
use super::bindings::stepwell::task::invocation::Context;

const INTERFACE: &str = "stepwell:task/invocation@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("get-context", |store: StoreContextMut<'_, Host>, (): ()| {
        store.data().meter.charge_call();
        Ok((context(store.data()),))
    })?;
    interface.func_wrap("remaining-time-ms", |store: StoreContextMut<'_, Host>, (): ()| {
        store.data().meter.charge_call();
        Ok((remaining_time_ms(store.data(), store.get_fuel()?),))
    })?;
    interface.func_wrap(
        "report-error",
        |mut store: StoreContextMut<'_, Host>, (payload,): (String,)| {
            let host = store.data_mut();
            host.meter.charge_call();
            host.meter.charge(payload.len() as u64);
            host.current.reported_error = Some(payload);
            Ok(())
        },
    )
}

fn context(host: &Host) -> Context {
    let current = &host.current;
    let deadline = current.deadline.and_then(|deadline| deadline.duration_since(UNIX_EPOCH).ok());
    Context {
        request_id: current.request_id.clone(),
        function_name: current.function_name.to_string(),
        function_version: "$LATEST".to_owned(),
        invoked_function_arn: current.function_arn.to_string(),
        memory_limit_mb: current.memory_mb,
        deadline_ms: deadline.map_or(0, milliseconds),
    }
}

fn remaining_time_ms(host: &Host, fuel: u64) -> u64 {
    let burnt = host.current.budget.saturating_sub(fuel);
    let spent = host.current.cpu.time(burnt) + host.meter.waited();
    host.current.timeout_ms.saturating_sub(milliseconds(spent))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
