//! Functions of WASI whose arguments wasmtime's own implementations take at any length: bounded and charged
//! here, before they are called.

use wasmtime::component::{Linker, Resource};
use wasmtime::{StoreContextMut, format_err};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::Host as _;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest as OutgoingRequest;

use super::Host;

/// A method or an authority of a request, in bytes: the host keeps it as long as the request.
const NAME_BYTES_MAX: usize = 4_096;

/// What a pollable costs in each poll, in fuel.
const POLLABLE_FUEL: u64 = 50;

/// Puts them in the place of wasmtime's own.
pub(super) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    type Request = Resource<OutgoingRequest>;
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, Host>, (request, method): (Request, Method)| {
            let length = if let Method::Other(name) = &method { name.len() } else { 0 };
            if !admits(&mut store, length) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_method(request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, Host>, (request, name): (Request, Option<String>)| {
            if !admits(&mut store, name.as_ref().map_or(0, String::len)) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_authority(request, name)?,))
        },
    )?;
    let mut poll = linker.instance("wasi:io/poll@0.2.12")?;
    poll.func_wrap_async(
        "poll",
        |mut store: StoreContextMut<'_, Host>, (pollables,): (Vec<Resource<DynPollable>>,)| {
            Box::new(async move {
                let host = store.data_mut();
                host.meter.charge(POLLABLE_FUEL * pollables.len() as u64);
                host.meter.charge_call();
                if pollables.len() > host.table.max_capacity() {
                    return Err(format_err!("a poll of more pollables than there can be handles"));
                }
                Ok((host.table.poll(pollables).await?,))
            })
        },
    )?;
    Ok(())
}

fn admits(store: &mut StoreContextMut<'_, Host>, length: usize) -> bool {
    store.data().meter.charge(length as u64);
    length <= NAME_BYTES_MAX
}
