//! Deeds that reach out of the sandbox: each works where it is granted and fails by name where not.

use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use serde_json::{Value, json};
use stepwell_task::{
    Bucket, Failure,
    buckets::{Error, Writer},
    http,
};

/// What is written at a time.
const PIECE_BYTES: usize = 1 << 20;

pub(crate) fn environment() -> Value {
    let variables: Vec<(String, String)> = std::env::vars().collect();
    let arguments: Vec<String> = std::env::args().collect();
    json!({ "variables": variables, "arguments": arguments })
}

pub(crate) fn connect(address: &str) -> Result<Value, Failure> {
    let stream = TcpStream::connect(address)?;
    Ok(json!({ "connected": stream.peer_addr()?.to_string() }))
}

pub(crate) fn listen(address: &str) -> Result<Value, Failure> {
    let listener = TcpListener::bind(address)?;
    Ok(json!({ "listening": listener.local_addr()?.to_string() }))
}

pub(crate) fn datagram(address: &str) -> Result<Value, Failure> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    Ok(json!({ "sent": socket.send_to(b"hello", address)? }))
}

pub(crate) fn lookup(host: &str) -> Result<Value, Failure> {
    let addresses: Vec<_> = (host, 80).to_socket_addrs()?.map(|found| found.to_string()).collect();
    Ok(json!({ "addresses": addresses }))
}

pub(crate) fn read_stdin() -> Result<Value, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(json!({ "text": text }))
}

pub(crate) fn http(url: &str, bytes: Option<usize>) -> Result<Value, Failure> {
    let request = http::Request::get(url).body_bytes_max(bytes.unwrap_or(http::BODY_BYTES_MAX));
    let response = request.send()?;
    let text = String::from_utf8_lossy(&response.body);
    Ok(json!({ "status": response.status, "bytes": response.body.len(), "text": text }))
}

pub(crate) fn http_follow(mut url: String) -> Result<Value, Failure> {
    loop {
        let response = http::get(&url)?;
        match response.header("location") {
            Some(location) if (300..400).contains(&response.status) => {
                location.clone_into(&mut url);
            }
            _ => return Ok(json!({ "status": response.status, "url": response.url })),
        }
    }
}

pub(crate) use raw::{http_drain, http_leave, http_left};

/// What the SDK does not do: with the bindings themselves.
#[cfg(target_family = "wasm")]
mod raw {
    use std::cell::RefCell;

    use stepwell_task::bindings::wasi::http::{
        outgoing_handler::handle,
        types::{ErrorCode, Fields, FutureIncomingResponse, OutgoingRequest, Scheme},
    };
    use stepwell_task::bindings::wasi::io::streams::StreamError;

    use super::{Failure, Value, json};

    /// What is asked for at a time.
    const READ_BYTES: u64 = 64 << 10;

    thread_local! {
        static LEFT: RefCell<Option<FutureIncomingResponse>> = const { RefCell::new(None) };
    }

    pub(crate) fn http_drain(url: &str) -> Result<Value, Failure> {
        let pending = ask(url)?;
        pending.subscribe().block();
        let answer = pending.get().and_then(Result::ok).ok_or_else(lost)?;
        let body = answer.map_err(|code| failed(&code))?.consume().map_err(|()| lost())?;
        let stream = body.stream().map_err(|()| lost())?;
        let mut bytes = 0;
        loop {
            match stream.blocking_read(READ_BYTES) {
                Ok(piece) => bytes += piece.len(),
                Err(StreamError::Closed) => return Ok(json!({ "bytes": bytes })),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(Failure::new("Http.Stream", error.to_debug_string()));
                }
            }
        }
    }

    pub(crate) fn http_leave(url: &str) -> Result<Value, Failure> {
        LEFT.replace(Some(ask(url)?));
        Ok(json!({ "left": url }))
    }

    pub(crate) fn http_left() -> Value {
        let Some(left) = LEFT.take() else { return json!("nothing") };
        left.subscribe().block();
        match left.get() {
            Some(Ok(Err(code))) => json!(code.to_string()),
            _ => json!("answered"),
        }
    }

    fn ask(url: &str) -> Result<FutureIncomingResponse, Failure> {
        let (authority, path) =
            url.strip_prefix("http://")
                .and_then(|rest| rest.split_once('/'))
                .ok_or_else(|| Failure::invalid_input("a URL such as http://host/path"))?;
        let request = OutgoingRequest::new(Fields::new());
        request
            .set_scheme(Some(&Scheme::Http))
            .and_then(|()| request.set_authority(Some(authority)))
            .and_then(|()| request.set_path_with_query(Some(&format!("/{path}"))))
            .map_err(|()| Failure::invalid_input("the host does not take this URL"))?;
        handle(request, None).map_err(|code| failed(&code))
    }

    fn lost() -> Failure {
        Failure::new("Http.Lost", "the answer is not there")
    }

    fn failed(code: &ErrorCode) -> Failure {
        Failure::new("Http.Failed", code.to_string())
    }
}

/// Outside of a sandbox there is nothing to be hostile to.
#[cfg(not(target_family = "wasm"))]
mod raw {
    use super::{Failure, Value, http, json};

    pub(crate) fn http_drain(url: &str) -> Result<Value, Failure> {
        http(url, Some(usize::MAX))
    }

    pub(crate) fn http_leave(url: &str) -> Result<Value, Failure> {
        http(url, None)
    }

    pub(crate) fn http_left() -> Value {
        json!("answered")
    }
}

pub(crate) fn bucket_get(bucket: String, key: &str) -> Result<Value, Failure> {
    let object = Bucket::new(bucket).get(key)?;
    let text = String::from_utf8_lossy(&object.body);
    Ok(json!({ "bytes": object.body.len(), "text": text }))
}

pub(crate) fn bucket_put(bucket: String, key: &str, body: &str) -> Result<Value, Failure> {
    let object = Bucket::new(bucket).put(key, body.as_bytes())?;
    Ok(json!({ "size": object.size, "etag": object.etag }))
}

pub(crate) fn bucket_head(bucket: String, key: &str) -> Result<Value, Failure> {
    let object = Bucket::new(bucket).head(key)?;
    Ok(json!({ "size": object.size, "etag": object.etag }))
}

pub(crate) fn bucket_list(bucket: String, prefix: &str) -> Result<Value, Failure> {
    let keys: Result<Vec<String>, Error> =
        Bucket::new(bucket).list(prefix).map(|object| object.map(|object| object.key)).collect();
    Ok(json!({ "keys": keys? }))
}

pub(crate) fn bucket_copy(bucket: String, key: &str, to: &str) -> Result<Value, Failure> {
    let bucket = Bucket::new(bucket);
    let object = bucket.copy(key, &bucket, to)?;
    Ok(json!({ "size": object.size }))
}

pub(crate) fn bucket_delete(bucket: String, key: &str) -> Result<Value, Failure> {
    Bucket::new(bucket).delete(key)?;
    Ok(json!({ "deleted": key }))
}

/// An object that has got so many bytes and is not finished.
pub(crate) fn write_pieces(bucket: String, key: &str, bytes: usize) -> Result<Writer, Failure> {
    let mut writer = Bucket::new(bucket).create(key)?;
    let piece = vec![b'w'; PIECE_BYTES.min(bytes)];
    let mut written = 0;
    while written < bytes {
        let next = piece.len().min(bytes - written);
        writer.append(&piece[..next])?;
        written += next;
    }
    Ok(writer)
}
