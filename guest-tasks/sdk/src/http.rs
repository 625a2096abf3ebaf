//! Getting things by HTTP from the hosts that the function is granted.
//!
//! ```no_run
//! # use stepwell_task::{Failure, http};
//! # fn example() -> Result<(), Failure> {
//! let orders = http::get("https://example.com/orders?limit=25")?.success()?.body;
//! # Ok(())
//! # }
//! ```

mod error;

use std::time::Duration;

pub use error::{Error, ErrorKind};

use crate::platform;

/// How large a body may be unless [`Request::body_bytes_max`] says otherwise: what fits a function of
/// 128 MB with room to parse it.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// Gets `url`. An answer of any status is a [`Response`]; ask [`Response::success`] for a good one.
/// Redirects are not followed.
pub fn get(url: impl Into<String>) -> Result<Response, Error> {
    Request::get(url).send()
}

/// A request that is more than [`get`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body_bytes_max: usize,
    timeout: Option<Duration>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Where it came from.
    pub url: String,
    /// The status, such as 200.
    pub status: u16,
    /// The headers, as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, never shorter than its declared length.
    pub body: Vec<u8>,
}

impl Request {
    /// A `GET` of `url`, which is `http://` or `https://`, a host, and perhaps a port, a path and a
    /// query. A fragment is left out.
    pub fn get(url: impl Into<String>) -> Self {
        let user_agent = concat!("stepwell-task/", env!("CARGO_PKG_VERSION"));
        Self {
            url: url.into(),
            headers: vec![("user-agent".to_owned(), user_agent.into())],
            body_bytes_max: BODY_BYTES_MAX,
            timeout: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// How large the body may be; a larger one is [`ErrorKind::TooLarge`].
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// How long the whole answer may take. By default nine tenths of the invocation's remaining time,
    /// so that the task can still say what it was waiting for.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and waits for the whole answer.
    pub fn send(&self) -> Result<Response, Error> {
        let received = Origin::parse(&self.url)
            .and_then(|origin| platform::send(self, &origin))
            .and_then(Received::checked)
            .map_err(|error| error.while_getting(&self.url))?;
        let Received { status, headers, body } = received;
        Ok(Response { url: self.url.clone(), status, headers, body })
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn body_bytes_max_value(&self) -> usize {
        self.body_bytes_max
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn timeout_or_default(&self) -> Duration {
        self.timeout.unwrap_or_else(|| platform::remaining_time() / 10 * 9)
    }
}

impl Response {
    /// This answer if its status is 200 to 299, [`ErrorKind::Status`] otherwise.
    pub fn success(self) -> Result<Self, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let message = format!("it answered with status {}", self.status);
        Err(Error::new(ErrorKind::Status(self.status), message).while_getting(&self.url))
    }

    /// The first header of this name (in lower case), if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?;
    str::from_utf8(value).ok()
}

/// A URL taken apart as an HTTP request needs it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) secure: bool,
    pub(crate) authority: &'a str,
    pub(crate) path_with_query: String,
}

impl<'a> Origin<'a> {
    fn parse(url: &'a str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::new(ErrorKind::InvalidUrl, why);
        if url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
            return Err(invalid("a URL holds no spaces or control characters"));
        }
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| invalid("a URL begins with `https://` or `http://`"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(invalid("only `https` and `http` can be got")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(invalid("the URL names no host"));
        }
        if authority.contains('@') {
            return Err(invalid(
                "a user name or password in a URL is not supported: send a header",
            ));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { secure, authority, path_with_query: format!("{slash}{path}") })
    }
}

/// What has come of an answer.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    fn declared(&self) -> Option<u64> {
        header(&self.headers, "content-length")?.trim().parse().ok()
    }

    /// Refuses a body that says beforehand that it is too large.
    pub(crate) fn check_declared(&self, bytes_max: usize) -> Result<(), Error> {
        match self.declared() {
            Some(declared) if declared > bytes_max as u64 => Err(too_large(bytes_max)),
            _ => Ok(()),
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8], bytes_max: usize) -> Result<(), Error> {
        if self.body.len() + bytes.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Half a body is an error, even where whoever passed it on took it for a whole one.
    fn checked(self) -> Result<Self, Error> {
        // 304 declares the length of the body that it does not send.
        let declared = self.declared().filter(|_| self.status != 304);
        match declared {
            Some(declared) if declared != self.body.len() as u64 => {
                let received = self.body.len();
                let message = format!("{received} of {declared} bytes arrived");
                Err(Error::new(ErrorKind::Interrupted, message))
            }
            _ => Ok(self),
        }
    }
}

fn too_large(bytes_max: usize) -> Error {
    Error::new(ErrorKind::TooLarge, format!("the body is larger than {bytes_max} bytes"))
}

#[cfg(test)]
mod tests;
