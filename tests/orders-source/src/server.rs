//! The HTTP server: connections, requests, and what each is answered with.

use std::{
    collections::BTreeMap,
    future, io,
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::oneshot,
    task::{self, JoinSet},
    time,
};

use crate::{Fault, Settings, body::PageBody, order};

/// Rows per page where the request does not say.
const LIMIT_DEFAULT: u64 = 25;

/// What the source is and what it has been asked.
#[derive(Debug)]
pub(crate) struct Served {
    settings: Settings,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    requests: u64,
    by_offset: BTreeMap<u64, u64>,
    /// In the order in which they came.
    offsets: Vec<u64>,
}

impl Served {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, asked: Mutex::default() }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.asked(|asked| asked.requests)
    }

    pub(crate) fn offsets(&self) -> Vec<u64> {
        self.asked(|asked| asked.offsets.clone())
    }

    /// Counts a request of this offset and says what goes wrong with it.
    fn fault(&self, number: u64, offset: u64) -> Option<Fault> {
        let attempt = self.asked(|asked| {
            let attempts = asked.by_offset.entry(offset).or_default();
            *attempts += 1;
            let attempts = *attempts;
            asked.offsets.push(offset);
            attempts
        });
        let failures = &self.settings.failures;
        failures
            .iter()
            .find(|failure| failure.when.applies(number, offset, attempt))
            .map(|failure| failure.fault)
    }

    fn asked<T>(&self, action: impl FnOnce(&mut Asked) -> T) -> T {
        action(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves until `stopped` is told or dropped; the connections end with it.
pub(crate) async fn serve(
    listener: TcpListener,
    served: Arc<Served>,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // No more sockets, perhaps: the connections that there are get their turn.
                    task::yield_now().await;
                    continue;
                };
                let served = Arc::clone(&served);
                let service = service_fn(move |request| answer(Arc::clone(&served), request));
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
            Some(_) = connections.join_next() => {}
            _ = &mut stopped => return Ok(()),
        }
    }
}

/// An error ends the connection without an answer.
async fn answer(
    served: Arc<Served>,
    request: Request<Incoming>,
) -> Result<Response<PageBody>, io::Error> {
    let number = served.asked(|asked| {
        asked.requests += 1;
        asked.requests
    });
    if request.uri().path() != "/orders" {
        return Ok(text(StatusCode::NOT_FOUND, "the orders are at /orders\n"));
    }
    if request.method() != Method::GET {
        return Ok(text(StatusCode::METHOD_NOT_ALLOWED, "the orders can be got only\n"));
    }
    let Some((offset, limit)) = page_asked_for(request.uri().query().unwrap_or_default()) else {
        return Ok(text(StatusCode::BAD_REQUEST, "`offset` and `limit` are whole numbers\n"));
    };

    let fault = served.fault(number, offset);
    time::sleep(served.settings.delay).await;
    let page = order::page(served.settings.rows, offset, limit);
    match fault {
        None => Ok(json(page.len(), PageBody::whole(page))),
        Some(Fault::HalfBody) => Ok(json(page.len(), PageBody::half(&page))),
        Some(Fault::NotJson) => {
            Ok(text(StatusCode::OK, "<html><body>Please log in</body></html>\n"))
        }
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Ok(text(status, "this was asked for\n"))
        }
        Some(Fault::Hang) => future::pending().await,
        Some(Fault::Drop) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// `offset` and `limit` of a query; other parameters are left alone.
fn page_asked_for(query: &str) -> Option<(u64, u64)> {
    let (mut offset, mut limit) = (0, LIMIT_DEFAULT);
    for (name, value) in query.split('&').filter_map(|parameter| parameter.split_once('=')) {
        match name {
            "offset" => offset = value.parse().ok()?,
            "limit" => limit = value.parse().ok()?,
            _ => {}
        }
    }
    Some((offset, limit))
}

fn json(length: usize, body: PageBody) -> Response<PageBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    response
}

fn text(status: StatusCode, text: &'static str) -> Response<PageBody> {
    let mut response = Response::new(PageBody::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_LENGTH, text.len().into());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_page() {
        assert_eq!(page_asked_for(""), Some((0, 25)));
        assert_eq!(page_asked_for("shop=1&offset=50&limit=10"), Some((50, 10)));
        assert_eq!(page_asked_for("offset=-1"), None);
        assert_eq!(page_asked_for("limit=many"), None);
    }
}
