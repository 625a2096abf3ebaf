//! Fuel: burnt by the guest's instructions, charged for what the host does, and the guest's turns.
//!
//! wasmtime counts a unit for an instruction and a unit for a byte that a bulk operation moves. The host
//! charges for its part: so much for a call, a unit for a byte ([`Meter::charge`](crate::meter::Meter)).
//! What is owed is taken when the call returns to the guest, so that every function of the host pays in
//! one place. All of it is exact: the same component, input and settings burn the same fuel.
//!
//! A guest that computes gives way each time it has burnt [`YIELD_FUEL`], which needs no clock beside the
//! fuel (ADR 9). Charging would begin that count anew, so the point where the guest gives way next is kept
//! here.
//!
//! The store's fuel is touched only where compiled code has written down what it burnt and reads it again
//! afterwards: around functions of the host and around the point where it gives way. Around wasmtime's own
//! routines, of which `memory.grow` is one, it keeps the count in a register, and what is set here meanwhile
//! would be added to it.

use std::time::Duration;

use stepwell_lambda::Cpu;
use wasmtime::{
    CallHook, OperatorCost, Result, Store, StoreContextMut, Trap, VariableOperatorCost,
};

use crate::host::Host;

/// After so much fuel a guest lets others run: a millisecond of the reference.
pub(crate) const YIELD_FUEL: u64 = 1_000_000;

/// What a call of a host function costs beside the bytes that it moves.
pub(crate) const HOST_CALL_FUEL: u64 = 100;

/// A guest whose host calls keep the thread busy for so long gives way as soon as it computes again.
const BUSY_MAX: Duration = Duration::from_millis(10);

/// When a guest gives way next.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// With so much fuel left.
    at: u64,
    /// How often it had left its call then.
    departures: u64,
    /// How long the thread may be busy without a turn of others.
    busy_max: Duration,
}

/// The thread was busy with one turn of a guest for as long as all of the call may take: in routines of
/// wasmtime's own, such as those that hand text from one component to another, which burn no fuel.
#[derive(Debug, thiserror::Error)]
#[error("the host was busy with the guest for too long")]
pub(crate) struct Busy;

/// What instructions cost: wasmtime's default, and pages, which have to be cleared.
pub(crate) fn operator_cost() -> OperatorCost {
    let variable = VariableOperatorCost { memory_grow_per_page: u8::MAX, ..Default::default() };
    OperatorCost { MemoryGrow: 100, TableGrow: 100, variable, ..OperatorCost::default() }
}

/// Gives a store the fuel of a call.
pub(crate) fn fill(store: &mut Store<Host>, cpu: &Cpu) {
    let Cpu { budget, wall_max, .. } = *cpu;
    store
        .fuel_async_yield_interval(Some(YIELD_FUEL))
        .and_then(|()| store.set_fuel(budget))
        .expect("the engine was configured to consume fuel");
    let host = store.data_mut();
    host.meter.reset(budget);
    let at = budget.saturating_sub(YIELD_FUEL);
    host.turns = Turns { at, departures: host.meter.departures(), busy_max: wall_max };
}

/// Called whenever the guest calls the host and comes back.
pub(crate) fn on_call(mut store: StoreContextMut<'_, Host>, call: CallHook) -> Result<()> {
    match call {
        CallHook::CallingHost => {
            let left = store.get_fuel()?;
            store.data().meter.note_fuel(left);
            Ok(())
        }
        // Before the host calls the guest back as well, so that nothing is owed while the guest runs.
        CallHook::ReturningFromHost | CallHook::CallingWasm => settle(&mut store),
        CallHook::ReturningFromWasm => Ok(()),
    }
}

/// Takes what the host's work costs, and sees to it that the guest gives way when it is time.
fn settle(store: &mut StoreContextMut<'_, Host>) -> Result<()> {
    let left = store.get_fuel()?;
    let host = store.data_mut();
    let owed = host.meter.take_owed();
    let departures = host.meter.departures();
    let has_left = departures != host.turns.departures;
    if owed == 0 && !has_left {
        // Perhaps a routine of wasmtime's own: the fuel must stay as it is.
        let is_over = host.meter.busy() >= host.turns.busy_max;
        return if is_over { Err(Busy.into()) } else { Ok(()) };
    }
    if has_left {
        host.turns.at = left.saturating_sub(YIELD_FUEL);
        host.turns.departures = departures;
    }
    let is_busy = !has_left && host.meter.busy() >= BUSY_MAX;
    host.count_handles()?;
    let Some(left) = left.checked_sub(owed).filter(|left| *left > 0) else {
        host.meter.note_fuel(0);
        store.set_fuel(0)?;
        return Err(Trap::OutOfFuel.into());
    };
    host.meter.note_fuel(left);
    let until = if is_busy { 1 } else { left.saturating_sub(host.turns.at).clamp(1, YIELD_FUEL) };
    store.set_fuel(left)?;
    store.fuel_async_yield_interval(Some(until))
}
