//! HTTP: to granted hosts, and no other way.

use std::sync::Arc;
use std::time::Duration;

use orders_source::{OrdersSource, Settings};
use serde_json::json;
use stepwell_sandbox::{Grants, HttpGrant, Invoked};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{Server, Setup, answer, assert_failed, failure, invoke, log};

fn source(settings: Settings) -> (OrdersSource, u16) {
    let source = OrdersSource::start(settings).unwrap();
    let port = source.authority().rsplit_once(':').unwrap().1.parse().unwrap();
    (source, port)
}

async fn get(url: &str, host: &str, port: Option<u16>) -> Invoked {
    let grant = HttpGrant { host: host.to_owned(), port: Some(port) };
    let setup = Setup::hostile().grants(Grants { http: vec![grant], ..Grants::default() });
    setup.invoke(json!({ "do": "http", "url": url })).await
}

/// A function with leave for 127.0.0.1.
fn granted() -> Setup {
    granted_host("127.0.0.1")
}

fn granted_host(host: &str) -> Setup {
    let grant = HttpGrant { host: host.to_owned(), port: Some(None) };
    Setup::hostile().grants(Grants { http: vec![grant], ..Grants::default() })
}

#[tokio::test]
async fn a_granted_host_answers() {
    let (source, port) = source(Settings::default());
    let url = format!("{}?offset=0&limit=2", source.url());
    for port in [Some(port), None] {
        let invoked = get(&url, "127.0.0.1", port).await;
        assert_eq!(answer(&invoked)["status"], 200);
    }
    assert_eq!(source.requests(), 2);
}

#[tokio::test]
async fn a_host_without_a_grant_hears_nothing() {
    let (source, port) = source(Settings::default());
    let url = source.url();
    let localhost = url.replace("127.0.0.1", "localhost");
    for (url, host, port) in [
        (&url, "127.0.0.2", Some(port)),
        (&url, "127.0.0.1", Some(1)),
        (&url, "localhost", Some(port)),
        (&localhost, "127.0.0.1", Some(port)),
    ] {
        let invoked = get(url, host, port).await;
        assert_eq!(failure(&invoked).error_type, "Http.Denied", "{url} {host}");
        let log = log(&invoked).join("\n");
        assert!(log.starts_with("[sandbox] denied a request to `"), "{log}");
        assert!(log.contains("grants: { http: ["), "{log}");
    }
    let invoked = Setup::hostile().invoke(json!({ "do": "http", "url": url })).await;
    assert_eq!(failure(&invoked).error_type, "Http.Denied");
    assert_eq!(source.requests(), 0);
}

#[tokio::test]
async fn a_slow_host_costs_time_and_ends_with_it() {
    let delay = Duration::from_secs(50);
    let (source, port) = source(Settings { delay, ..Settings::default() });
    let grant = HttpGrant { host: "127.0.0.1".to_owned(), port: Some(Some(port)) };
    let setup = Setup::hostile().grants(Grants { http: vec![grant], ..Grants::default() });
    let invoked = setup.timeout(1).invoke(json!({ "do": "http", "url": source.url() })).await;
    // The SDK gives up when the time is almost over; a task that does not is stopped.
    let error_type = failure(&invoked).error_type.as_str();
    assert!(["Http.Timeout", "Sandbox.Timedout"].contains(&error_type), "{error_type}");
    assert!(invoked.report.wall < Duration::from_secs(3));
}

#[tokio::test]
async fn localhost_is_this_machine_where_it_is_granted() {
    let (source, port) = source(Settings::default());
    let url = source.url().replace("127.0.0.1", "localhost");
    let invoked = get(&url, "localhost", Some(port)).await;
    assert_eq!(answer(&invoked)["status"], 200);
}

#[tokio::test]
async fn a_wildcard_does_not_reach_this_machine() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    for (host, address, grant) in [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1", "[::1]"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]"),
        ("169.254.169.254", "169.254.169.254", "169.254.169.254"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0"),
    ] {
        let url = server.url().replace("127.0.0.1", host);
        let invoked = granted_host("*").invoke(json!({ "do": "http", "url": url })).await;
        assert_eq!(failure(&invoked).error_type, "Http.Denied", "{host}");
        let (port, log) = (server.port, log(&invoked).join("\n"));
        let begins =
            format!("[sandbox] denied a request to `{host}:{port}`: it leads to {address}, ");
        assert!(log.starts_with(&begins), "{log}");
        assert!(log.ends_with(&format!("(`grants: {{ http: [\"{grant}:{port}\"] }}`)")), "{log}");
    }
    let url = server.url().replace("127.0.0.1", "localhost");
    let invoked = granted_host("*").invoke(json!({ "do": "http", "url": url })).await;
    assert_eq!(failure(&invoked).error_type, "Http.Denied");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirect_leads_no_further_than_the_grants() {
    let other = Server::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let to = other.url().replace("127.0.0.1", "localhost");
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let server = Server::answering(head).await;
    let url = server.url();
    let invoked = granted().invoke(json!({ "do": "http", "url": url })).await;
    assert_eq!(answer(&invoked)["status"], 302, "the host follows nothing");
    let invoked = granted().invoke(json!({ "do": "http-follow", "url": url })).await;
    assert_eq!(failure(&invoked).error_type, "Http.Denied");
    assert_eq!(other.connections(), 0);
    let both = ["127.0.0.1", "localhost"]
        .map(|host| HttpGrant { host: host.to_owned(), port: Some(None) });
    let setup = Setup::hostile().grants(Grants { http: both.into(), ..Grants::default() });
    let invoked = setup.invoke(json!({ "do": "http-follow", "url": url })).await;
    assert_eq!(answer(&invoked)["url"], to);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_an_error() {
    let large = format!("HTTP/1.1 200 OK\r\nx-large: {}\r\n\r\n", "h".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-many: h\r\n".repeat(10_000));
    for head in [large, many] {
        let server = Server::answering(head).await;
        let invoked = granted().invoke(json!({ "do": "http", "url": server.url() })).await;
        let failure = failure(&invoked);
        assert_eq!(failure.error_type, "Http.Interrupted");
        assert!(failure.message.contains("HttpResponseHeaderSectionSize"), "{}", failure.message);
    }
}

#[tokio::test]
async fn what_is_no_whole_answer_is_an_interruption() {
    for bytes in [
        "",
        "\0\0\0\0",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
    ] {
        let server = Server::answering(bytes).await;
        let invoked = granted().invoke(json!({ "do": "http", "url": server.url() })).await;
        assert_eq!(failure(&invoked).error_type, "Http.Interrupted", "{bytes}");
    }
}

/// A server whose body has so many bytes, or no end.
async fn large(bytes: u64) -> Server {
    const PIECE: &[u8] = &[b'x'; 64 << 10];
    Server::start(move |mut connection| async move {
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let mut left = bytes / PIECE.len() as u64;
        while left > 0 && connection.send(PIECE).await {
            left -= 1;
        }
    })
    .await
}

#[tokio::test]
async fn a_body_larger_than_the_memory_ends_the_guest_that_keeps_it() {
    let server = large(1 << 30).await;
    let deed = json!({ "do": "http", "url": server.url(), "bytes": u32::MAX });
    let invoked = granted().timeout(60).invoke(deed).await;
    assert_eq!(failure(&invoked).error_type, "Runtime.OutOfMemory");
    // What the guest had, and what was on the way; the host asks for no more.
    assert!(server.sent_bytes() < 256 << 20, "{}", server.sent_bytes());
    server.left().await;
}

#[tokio::test]
async fn a_body_larger_than_the_memory_streams_through_it() {
    let bytes = 3 * (128 << 20);
    let server = large(bytes).await;
    let before = resident_max();
    let deed = json!({ "do": "http-drain", "url": server.url() });
    let invoked = granted().timeout(900).invoke(deed).await;
    assert_eq!(answer(&invoked)["bytes"], bytes);
    assert!(invoked.report.usage.memory_peak_bytes < 16 << 20);
    let grown = resident_max() - before;
    assert!(grown < 128 << 20, "{grown} bytes");
}

/// The most memory that this process ever had, in bytes, where the system tells.
fn resident_max() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let kilobytes: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kilobytes << 10
}

#[tokio::test]
async fn a_body_without_end_ends_with_the_invocation() {
    let server = large(u64::MAX).await;
    let deed = json!({ "do": "http-drain", "url": server.url() });
    let invoked = granted().timeout(1).invoke(deed).await;
    assert_failed(&invoked, "Sandbox.Timedout", "Task timed out after 1.00 seconds");
    server.left().await;
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_with_the_invocation() {
    let server = Server::silent().await;
    let deed = json!({ "do": "http-drain", "url": server.url() });
    let invoked = granted().timeout(1).invoke(deed).await;
    assert_eq!(failure(&invoked).error_type, "Sandbox.Timedout");
    server.left().await;
}

#[tokio::test]
async fn a_warm_instance_keeps_no_requests() {
    let server = Server::silent().await;
    let function = granted().warm().function();
    let left = invoke(&function, json!({ "do": "http-leave", "url": server.url() })).await;
    assert_eq!(answer(&left)["left"], server.url());
    // It would wait for ever otherwise.
    let ended = answer(&invoke(&function, json!({ "do": "http-left" })).await);
    assert_eq!(ended, "ErrorCode::ConnectionTerminated");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let key = PrivateKeyDer::try_from(&include_bytes!("../tls/key.der")[..]).unwrap();
    let certificate = CertificateDer::from(&include_bytes!("../tls/certificate.der")[..]);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let accepted = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await.map(|_| ())
    });
    let invoked = granted().invoke(json!({ "do": "http", "url": url })).await;
    let failure = failure(&invoked);
    assert_eq!(failure.error_type, "Http.Unreachable");
    assert!(failure.message.contains("TlsCertificateError"), "{}", failure.message);
    assert!(accepted.await.unwrap().is_err(), "nothing is sent to it");
}
