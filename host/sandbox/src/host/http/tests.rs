//! The gate, against servers on this machine.

use http_body_util::Empty;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::grants::HttpGrant;

fn gate(host: &str) -> HttpGate {
    granting(host, None)
}

#[expect(clippy::option_option, reason = "as the grant has it")]
fn granting(host: &str, port: Option<Option<u16>>) -> HttpGate {
    let grant = HttpGrant { host: host.to_owned(), port };
    let grants = Grants { http: vec![grant], ..Grants::default() };
    HttpGate::new(Arc::new(grants), Arc::default(), Arc::default())
}

#[test]
fn an_authority_is_a_host_and_a_port_and_nothing_else() {
    let gate = gate("api.example.com");
    let allows = |uri: &str| gate.destination(&uri.parse().expect(uri)).is_some();
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
    assert!(gate.destination(&Uri::from_static("http://[::1]")).is_some());
    assert!(gate.destination(&Uri::from_static("http://[::1]:80")).is_some());
    assert!(gate.destination(&Uri::from_static("http://[::2]")).is_none());
    let gate = self::gate("127.0.0.1");
    assert!(gate.destination(&Uri::from_static("http://2130706433")).is_none());
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<Sent, Error>> + Send>>;

fn send(gate: &mut HttpGate, url: &str) -> Sending {
    send_with(gate, url, None)
}

fn send_with(gate: &mut HttpGate, url: &str, options: Option<RequestOptions>) -> Sending {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = http::Request::get(url).body(body).expect("it is one");
    Box::into_pin(gate.send_request(request, options, Box::new(std::future::ready(Ok(())))))
}

#[tokio::test]
async fn requests_under_way_are_bounded() {
    let mut gate = gate("localhost");
    let mut send = || send(&mut gate, "http://localhost/");
    let mut under_way: Vec<_> = (0..HTTP_REQUESTS_MAX).map(|_| send()).collect();
    assert!(matches!(send().await, Err(Error::ConnectionLimitReached)));
    under_way.pop();
    let _admitted = send();
    assert!(matches!(send().await, Err(Error::ConnectionLimitReached)));
}

#[tokio::test]
async fn a_wildcard_does_not_reach_this_machine_however_it_is_written() {
    let (listener, url) = listener().await;
    let port = listener.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LocalHost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "0",
        "[::]",
    ] {
        let mut gate = granting("*", Some(None));
        // Who does connect is not answered, and must not wait for that.
        let first_byte_timeout = Some(std::time::Duration::ZERO);
        let options = RequestOptions { first_byte_timeout, ..RequestOptions::default() };
        let url = url.replace("127.0.0.1", host);
        let sent = send_with(&mut gate, &url, Some(options)).await;
        assert!(matches!(sent, Err(Error::HttpRequestDenied)), "{host}");
        let (lines, _) = gate.log.lock().unwrap().take();
        let line = lines.iter().map(ToString::to_string).collect::<String>();
        let begins =
            format!("[sandbox] denied a request to `{}:{port}`: it leads to ", host_name(host));
        assert!(line.starts_with(&begins), "{line}");
        assert!(line.contains("grants: { http: [\""), "{line}");
    }
    let accepted = listener.into_std().unwrap().accept();
    assert_eq!(accepted.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Answers with a head and the beginning of a body, and then holds on.
const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok";

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// What the server hears after the request: nothing, and the end.
async fn hears_the_end(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    // A connection that is dropped with bytes in it ends in an error instead.
    _ = stream.read_to_end(&mut bytes).await;
    assert!(bytes.starts_with(b"GET / HTTP/1.1\r\n") || bytes.is_empty());
}

#[tokio::test]
async fn a_request_that_waits_ends_with_the_invocation() {
    let (listener, url) = listener().await;
    let mut gate = granting("127.0.0.1", Some(None));
    let sent = tokio::spawn(send(&mut gate, &url));
    let (stream, _) = listener.accept().await.unwrap();
    gate.end_requests();
    assert!(matches!(sent.await.unwrap(), Err(Error::ConnectionTerminated)));
    hears_the_end(stream).await;
}

#[tokio::test]
async fn a_body_that_was_not_read_ends_with_the_invocation() {
    let (listener, url) = listener().await;
    let mut gate = granting("127.0.0.1", Some(None));
    let sent = tokio::spawn(send(&mut gate, &url));
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(ENDLESS).await.unwrap();
    let (mut response, io) = sent.await.unwrap().unwrap();
    let io = tokio::spawn(Box::into_pin(io));
    let piece = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(piece.into_data().unwrap(), "ok");

    gate.end_requests();
    let next = response.body_mut().frame().await.unwrap();
    assert!(matches!(next, Err(Error::ConnectionTerminated)), "{next:?}");
    assert!(matches!(io.await.unwrap(), Err(Error::ConnectionTerminated)));
    hears_the_end(stream).await;
}

#[tokio::test]
async fn the_next_invocation_has_all_its_requests() {
    let mut gate = gate("localhost");
    let mut under_way: Vec<_> =
        (0..HTTP_REQUESTS_MAX).map(|_| send(&mut gate, "http://localhost/")).collect();
    gate.end_requests();
    assert!(matches!(under_way.pop().unwrap().await, Err(Error::ConnectionTerminated)));
    under_way.extend((0..HTTP_REQUESTS_MAX).map(|_| send(&mut gate, "http://localhost/")));
    let refused = send(&mut gate, "http://localhost/").await;
    assert!(matches!(refused, Err(Error::ConnectionLimitReached)));
}
