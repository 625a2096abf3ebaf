//! `wasi:http/outgoing-handler`: requests leave only to granted hosts, and only to addresses that these
//! may have.
//!
//! ```text
//!   request --> gate ------> resolve --> addresses -------> connect --> exchange --> answer
//!               is the host  once        may the host       TCP, TLS    one request  piece by piece
//!               granted?                 have this address?
//! ```
//!
//! Reading order: the gate here; `addresses` has the rules for addresses, `connect` goes from a name to a
//! connection, `exchange` sends the request and hands on the answer. Connections are made here and not by
//! wasmtime, because a name that is resolved anew for the connection may lead elsewhere than the one that
//! was judged.
//!
//! Bounds: requests at one time ([`HTTP_REQUESTS_MAX`]), the head of an answer (`exchange`), addresses of a
//! name and look-ups (`connect`). A body has none, for it is never held as a whole, and nothing outlives the
//! invocation: what it leaves open is ended. Redirects are answers like others.

mod addresses;
mod connect;
mod exchange;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Uri;
use http::uri::Scheme;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::addresses::Destination;
use self::connect::{Connector, NoConnection};
use self::exchange::{Timeouts, exchange, hyper_error};
use crate::grants::{Grants, host_name};
use crate::host::{log_line, shown};
use crate::limits::HTTP_REQUESTS_MAX;
use crate::meter::Meter;
use crate::report::{Log, LogSource};

/// Looks at every request before it leaves.
pub(super) struct HttpGate {
    grants: Arc<Grants>,
    log: Arc<Mutex<Log>>,
    meter: Arc<Meter>,
    connector: Arc<Connector>,
    open: Open,
}

/// What an invocation has under way.
struct Open {
    /// One for each request, until its answer has been read or dropped.
    permits: Arc<Semaphore>,
    /// Requests end when it is dropped.
    invocation: watch::Sender<()>,
}

impl Open {
    fn new() -> Self {
        let permits = Arc::new(Semaphore::new(HTTP_REQUESTS_MAX));
        Self { permits, invocation: watch::Sender::new(()) }
    }
}

/// A body whose bytes are charged as they come.
fn charged<B: Body<Data = Bytes>>(
    body: B,
    meter: Arc<Meter>,
) -> impl Body<Data = Bytes, Error = B::Error> {
    body.map_frame(move |frame| {
        meter.charge(frame.data_ref().map_or(0, Bytes::len) as u64);
        frame
    })
}

type Sent = (http::Response<WasiBody>, Io);
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl HttpGate {
    pub(super) fn new(grants: Arc<Grants>, log: Arc<Mutex<Log>>, meter: Arc<Meter>) -> Self {
        Self { grants, log, meter, connector: Connector::system(), open: Open::new() }
    }

    /// Ends all requests that are under way. An instance that is kept must not go on with them where
    /// nobody meters it, nor the next invocation pay for them.
    pub(super) fn end_requests(&mut self) {
        self.open = Open::new();
    }

    /// Where a request goes, if a grant covers that.
    fn destination(&self, uri: &Uri) -> Option<Destination> {
        let authority = uri.authority()?;
        let (host, port) = (authority.host(), authority.port_u16());
        // Nothing but host and port: what else an authority may hold (a user's name, a port that is no
        // number) others might read in another way than we do.
        let plain = match port {
            Some(port) => *authority == format!("{host}:{port}").as_str(),
            None => *authority == host,
        };
        if !plain || host.is_empty() {
            return None;
        }
        let https = is_https(uri);
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let host = host_name(host);
        let leave = self.grants.http_leave(&host, port, https)?;
        Some(Destination { host, port, leave })
    }

    /// What a request becomes once it was admitted.
    fn admitted(
        &self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        destination: Destination,
        permit: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<Sent, Error>> + Send + use<> {
        let (connector, log) = (Arc::clone(&self.connector), Arc::clone(&self.log));
        let (meter, sent) = (Arc::clone(&self.meter), Arc::clone(&self.meter));
        let request = request.map(|body| charged(body, sent).boxed_unsync());
        let invocation = self.open.invocation.subscribe();
        let ended = over(invocation.clone());
        let sending = async move {
            let timeouts = Timeouts::of(options);
            let https = is_https(request.uri());
            let connected = connector.connect(&destination, https, timeouts.connect).await;
            let stream = connected.map_err(|none| match none {
                NoConnection::Failed(error) => error,
                NoConnection::Refused(refused) => {
                    let Destination { host, port, .. } = &destination;
                    let host = shown(host);
                    let text = format!("denied a request to `{host}:{port}`: {refused}");
                    log_line(&log, LogSource::Sandbox, &text);
                    Error::HttpRequestDenied
                }
            })?;
            let ended = over(invocation.clone());
            let (response, driver) = exchange(stream, request, timeouts, invocation).await?;
            let io = async move {
                let _permit = permit;
                let Some(driver) = driver else { return Ok(()) };
                tokio::select! {
                    biased;
                    () = ended => Err(Error::ConnectionTerminated),
                    done = driver => done.map_err(hyper_error),
                }
            };
            let response = response.map(|body| charged(body, meter).boxed_unsync());
            Ok((response, Box::new(io) as Io))
        };
        async move {
            tokio::select! {
                biased;
                () = ended => Err(Error::ConnectionTerminated),
                sent = sending => sent,
            }
        }
    }
}

/// Waits until the invocation is over.
async fn over(mut invocation: watch::Receiver<()>) {
    while invocation.changed().await.is_ok() {}
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

impl WasiHttpHooks for HttpGate {
    /// Small pieces: they lie in the host until they are sent, if they ever are.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        16 << 10
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let Some(destination) = self.destination(request.uri()) else {
            let authority = request.uri().authority().map_or("", |authority| authority.as_str());
            let authority = shown(authority);
            let text = format!(
                "denied a request to `{authority}`: no grant for it (`grants: {{ http: [\"{authority}\"] }}`)"
            );
            log_line(&self.log, LogSource::Sandbox, &text);
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        };
        let Ok(permit) = Arc::clone(&self.open.permits).try_acquire_owned() else {
            let text = format!("refused a request: {HTTP_REQUESTS_MAX} others are under way");
            log_line(&self.log, LogSource::Sandbox, &text);
            return Box::new(std::future::ready(Err(Error::ConnectionLimitReached)));
        };
        Box::new(self.admitted(request, options, destination, permit))
    }
}

#[cfg(test)]
mod tests;
