//! One request and its answer, over a connection of their own.
//!
//! The answer's body is handed on piece by piece, as fast as the guest reads it. Where it leads on to
//! another URL, that is for the guest to ask for, as a new request.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::connect::Duplex;

/// Headers of an answer, and trailers as well: as many as browsers and proxies are content with.
const HEADERS_MAX: usize = 100;

/// The head of an answer, in bytes; and what is read from a connection ahead of the guest.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The longest that anything can last: the longest timeout of a function.
const TIMEOUT_MAX: Duration = Duration::from_mins(15);

/// How long the parts of a request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Until there is a connection: name, TCP and TLS.
    pub(super) connect: Duration,
    /// From then until the head of the answer is there.
    first_byte: Duration,
    /// Waiting for the next piece of the body.
    between_bytes: Duration,
}

impl Timeouts {
    pub(super) fn of(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        let bounded =
            |timeout: Option<Duration>| timeout.map_or(TIMEOUT_MAX, |t| t.min(TIMEOUT_MAX));
        Self {
            connect: bounded(options.connect_timeout),
            first_byte: bounded(options.first_byte_timeout),
            between_bytes: bounded(options.between_bytes_timeout),
        }
    }
}

/// Drives a connection until all of the answer is there.
pub(super) type Driver = http1::Connection<TokioIo<Box<dyn Duplex>>, WasiBody>;

/// Sends a request and waits for the head of its answer. What is left of the connection, if it is not over
/// already, must be driven while the body is read.
pub(super) async fn exchange(
    stream: Box<dyn Duplex>,
    mut request: Request<WasiBody>,
    timeouts: Timeouts,
    invocation: watch::Receiver<()>,
) -> Result<(Response<Answer>, Option<Driver>), Error> {
    // What is sent to the host itself names only the path; the host is in a header.
    *request.uri_mut() = path_only(request.uri())?;
    let (mut sender, driver) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(hyper_error)?;
    let head = async {
        let mut head = std::pin::pin!(sender.send_request(request));
        let mut driver = Some(driver);
        loop {
            let Some(connection) = &mut driver else {
                return head.await.map(|head| (head, None)).map_err(hyper_error);
            };
            tokio::select! {
                biased;
                head = &mut head => return head.map(|head| (head, driver)).map_err(hyper_error),
                ended = connection => {
                    ended.map_err(hyper_error)?;
                    driver = None;
                }
            }
        }
    };
    let head = timeout(timeouts.first_byte, head).await;
    let (response, driver) = head.map_err(|_| Error::ConnectionReadTimeout)??;
    let between_bytes = timeouts.between_bytes;
    let answer = response.map(|body| Answer { body, between_bytes, waiting: None, invocation });
    Ok((answer, driver))
}

fn path_only(uri: &Uri) -> Result<Uri, Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().path_and_query(path).build().map_err(|_| Error::HttpRequestUriInvalid)
}

/// What an error of the connection is called. Those that have no name are what is no HTTP.
pub(super) fn hyper_error(error: hyper::Error) -> Error {
    if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else {
        match error.source().and_then(|cause| cause.downcast_ref()).map(io::Error::kind) {
            Some(io::ErrorKind::UnexpectedEof) => Error::HttpResponseIncomplete,
            Some(
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe,
            ) => Error::ConnectionTerminated,
            _ => Error::Hyper(error),
        }
    }
}

/// The body of an answer.
pub(super) struct Answer {
    body: Incoming,
    between_bytes: Duration,
    /// Since the guest waits for the next piece.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Its sender is gone when the invocation is over.
    invocation: watch::Receiver<()>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if this.invocation.has_changed().is_err() {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(hyper_error)));
        }
        let since = || Box::pin(sleep(this.between_bytes));
        ready!(this.waiting.get_or_insert_with(since).as_mut().poll(context));
        this.waiting = None;
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
