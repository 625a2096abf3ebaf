//! `wasi:http/outgoing-handler`: requests leave only to granted hosts.

use std::sync::{Arc, Mutex};

use http::Uri;
use http::uri::Scheme;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

use crate::grants::Grants;
use crate::host::{log_line, shown};
use crate::limits::HTTP_REQUESTS_MAX;
use crate::report::{Log, LogSource};

/// Looks at every request before it leaves.
pub(super) struct HttpGate {
    grants: Arc<Grants>,
    log: Arc<Mutex<Log>>,
    /// One for each request under way, until its answer has been read or dropped.
    connections: Arc<Semaphore>,
}

impl HttpGate {
    pub(super) fn new(grants: Arc<Grants>, log: Arc<Mutex<Log>>) -> Self {
        Self { grants, log, connections: Arc::new(Semaphore::new(HTTP_REQUESTS_MAX)) }
    }

    fn allows(&self, uri: &Uri) -> bool {
        let Some(authority) = uri.authority() else { return false };
        let (host, port) = (authority.host(), authority.port_u16());
        // Nothing but host and port: what else an authority may hold (a user's name, a port that is no
        // number) others might read in another way than we do.
        let plain = match port {
            Some(port) => *authority == format!("{host}:{port}").as_str(),
            None => *authority == host,
        };
        plain && self.grants.allows_http(host, port, uri.scheme() == Some(&Scheme::HTTPS))
    }
}

type Sent = (http::Response<WasiBody>, Io);
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for HttpGate {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        if !self.allows(request.uri()) {
            let authority = request.uri().authority().map_or("", |authority| authority.as_str());
            let authority = shown(authority);
            let text = format!(
                "denied a request to `{authority}`: no grant for it (`grants: {{ http: [\"{authority}\"] }}`)"
            );
            log_line(&self.log, LogSource::Sandbox, &text);
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        let Ok(connection) = Arc::clone(&self.connections).try_acquire_owned() else {
            let text = format!("refused a request: {HTTP_REQUESTS_MAX} others are under way");
            log_line(&self.log, LogSource::Sandbox, &text);
            return Box::new(std::future::ready(Err(Error::ConnectionLimitReached)));
        };
        Box::new(async move {
            let (response, io) = default_send_request(request, options).await?;
            let io = async move {
                let _connection = connection;
                io.await
            };
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Io))
        })
    }
}
