//! `wasi:http/outgoing-handler`: requests leave only to granted hosts.

use std::sync::{Arc, Mutex};

use http::uri::Scheme;
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

use crate::grants::Grants;
use crate::host::log_line;
use crate::report::{Log, LogSource};

/// Looks at every request before it leaves.
pub(super) struct HttpGate {
    grants: Arc<Grants>,
    log: Arc<Mutex<Log>>,
}

impl HttpGate {
    pub(super) fn new(grants: Arc<Grants>, log: Arc<Mutex<Log>>) -> Self {
        Self { grants, log }
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
        let https = request.uri().scheme() == Some(&Scheme::HTTPS);
        let allowed = request.uri().authority().is_some_and(|authority| {
            self.grants.allows_http(authority.host(), authority.port_u16(), https)
        });
        if !allowed {
            let authority = request.uri().authority().map_or("", |authority| authority.as_str());
            let text = format!(
                "denied a request to `{authority}`: no grant for it (`grants: {{ http: [\"{authority}\"] }}`)"
            );
            log_line(&self.log, LogSource::Sandbox, &text);
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        Box::new(async move {
            let (response, io) = default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Io))
        })
    }
}
