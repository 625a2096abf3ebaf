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

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;
    use crate::grants::HttpGrant;

    fn gate(host: &str) -> HttpGate {
        let grant = HttpGrant { host: host.to_owned(), port: None };
        let grants = Grants { http: vec![grant], ..Grants::default() };
        HttpGate::new(Arc::new(grants), Arc::default())
    }

    #[test]
    fn an_authority_is_a_host_and_a_port_and_nothing_else() {
        let gate = gate("api.example.com");
        let allows = |uri: &str| gate.allows(&uri.parse().expect(uri));
        for uri in [
            "https://api.example.com",
            "https://API.Example.com:443/path",
            "https://api.example.com./",
            "http://api.example.com:80",
        ] {
            assert!(allows(uri), "{uri}");
        }
        for uri in [
            "https://api.example.com@evil.org",
            "https://evil.org@api.example.com",
            "https://user:443@api.example.com",
            "https://api.example.com:443@evil.org",
            "https://api.example.com:80",
            "https://api.example.com:99999",
            "https://api.example.com:",
            "https://api.example.com..",
            "https://[::1]",
            "https://evil.org/api.example.com",
            "https://evil.org?@api.example.com",
            "/api.example.com",
        ] {
            assert!(!allows(uri), "{uri}");
        }
    }

    #[test]
    fn an_address_is_granted_as_it_is_written() {
        let gate = gate("[::1]");
        assert!(gate.allows(&Uri::from_static("http://[::1]")));
        assert!(gate.allows(&Uri::from_static("http://[::1]:80")));
        assert!(!gate.allows(&Uri::from_static("http://[::2]")));
        let gate = self::gate("127.0.0.1");
        assert!(!gate.allows(&Uri::from_static("http://2130706433")));
    }

    #[tokio::test]
    async fn requests_under_way_are_bounded() {
        let mut gate = gate("localhost");
        let mut send = || {
            let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
            let request = http::Request::get("http://localhost/").body(body).expect("it is one");
            Box::into_pin(gate.send_request(request, None, Box::new(std::future::ready(Ok(())))))
        };
        let mut under_way: Vec<_> = (0..HTTP_REQUESTS_MAX).map(|_| send()).collect();
        assert!(matches!(send().await, Err(Error::ConnectionLimitReached)));
        under_way.pop();
        let _admitted = send();
        assert!(matches!(send().await, Err(Error::ConnectionLimitReached)));
    }
}
