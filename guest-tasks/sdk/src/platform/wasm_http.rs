//! The host: outgoing HTTP.

use std::time::Duration;

use crate::{
    bindings::wasi::{
        clocks::monotonic_clock,
        http::{
            outgoing_handler,
            types::{
                ErrorCode, Fields, IncomingResponse, OutgoingRequest, Scheme, http_error_code,
            },
        },
        io::{
            poll::{Pollable, poll},
            streams::StreamError,
        },
    },
    http::{Error, ErrorKind, Origin, Received, Request},
};

/// How much of a body is asked for at a time.
const READ_BYTES: u64 = 64 << 10;

pub(crate) fn send(request: &Request, origin: &Origin<'_>) -> Result<Received, Error> {
    let timeout = request.timeout_or_default();
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let deadline = Deadline { timeout, pollable: monotonic_clock::subscribe_duration(nanoseconds) };

    let pending = outgoing_handler::handle(outgoing(request, origin)?, None)
        .map_err(|code| explain(&code))?;
    deadline.wait(&pending.subscribe())?;
    let response = pending
        .get()
        .and_then(Result::ok)
        .ok_or_else(|| Error::new(ErrorKind::Interrupted, "the answer was lost"))?
        .map_err(|code| explain(&code))?;

    let status = response.status();
    let headers = response.headers().entries();
    let mut received = Received { status, headers, body: Vec::new() };
    receive(&response, &mut received, request, &deadline)?;
    Ok(received)
}

fn outgoing(request: &Request, origin: &Origin<'_>) -> Result<OutgoingRequest, Error> {
    let headers = Fields::from_list(request.headers()).map_err(|error| {
        Error::new(ErrorKind::InvalidUrl, format!("a header is refused: {error}"))
    })?;
    let scheme = if origin.secure { Scheme::Https } else { Scheme::Http };
    let outgoing = OutgoingRequest::new(headers);
    outgoing
        .set_scheme(Some(&scheme))
        .and_then(|()| outgoing.set_authority(Some(origin.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&origin.path_with_query)))
        .map_err(|()| Error::new(ErrorKind::InvalidUrl, "the host does not take this URL"))?;
    Ok(outgoing)
}

fn receive(
    response: &IncomingResponse,
    received: &mut Received,
    request: &Request,
    deadline: &Deadline,
) -> Result<(), Error> {
    received.check_declared(request.body_bytes_max_value())?;
    let lost = |()| Error::new(ErrorKind::Interrupted, "the body was lost");
    let body = response.consume().map_err(lost)?;
    let stream = body.stream().map_err(lost)?;
    loop {
        deadline.wait(&stream.subscribe())?;
        match stream.read(READ_BYTES) {
            Ok(bytes) => received.append(&bytes, request.body_bytes_max_value())?,
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(http_error_code(&error).map_or_else(
                    || Error::new(ErrorKind::Interrupted, error.to_debug_string()),
                    |code| explain(&code),
                ));
            }
        }
    }
}

struct Deadline {
    timeout: Duration,
    pollable: Pollable,
}

impl Deadline {
    /// Waits until something is ready, or fails when the request's time is over.
    fn wait(&self, ready: &Pollable) -> Result<(), Error> {
        if poll(&[ready, &self.pollable]).contains(&0) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Timeout, format!("no whole answer within {:?}", self.timeout)))
    }
}

fn explain(code: &ErrorCode) -> Error {
    let kind = match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => ErrorKind::Denied,
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => ErrorKind::Timeout,
        ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_)
        | ErrorCode::LoopDetected
        | ErrorCode::ConfigurationError => ErrorKind::Unreachable,
        ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong => ErrorKind::InvalidUrl,
        ErrorCode::HttpResponseBodySize(_) => ErrorKind::TooLarge,
        _ => ErrorKind::Interrupted,
    };
    Error::new(kind, describe(code))
}

/// The usual cases in words; the others by their names.
fn describe(code: &ErrorCode) -> String {
    let text = match code {
        ErrorCode::HttpRequestDenied => "the function has no grant for this host",
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => "there is no such host",
        ErrorCode::ConnectionRefused => "the connection was refused",
        ErrorCode::HttpProtocolError
        | ErrorCode::HttpResponseIncomplete
        | ErrorCode::ConnectionTerminated => "the connection ended before the answer was whole",
        code => return code.to_string(),
    };
    text.to_owned()
}
