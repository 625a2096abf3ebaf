//! Connections by a resolver that says what a test wants, to servers on this machine.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::grants::HttpLeave;

const LOCALHOST: &str = "127.0.0.1";
const LONG: Duration = Duration::from_mins(1);

/// Answers with these, one list for each question.
struct Fake {
    answers: Vec<Vec<IpAddr>>,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Fake {
    fn resolve(&self, _: &str) -> Resolving {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(Ok(self.answers[asked].clone())))
    }
}

struct Silent;

impl Resolve for Silent {
    fn resolve(&self, _: &str) -> Resolving {
        Box::pin(pending())
    }
}

/// A connector whose resolver gives these lists, and the number of questions that it was asked.
fn fake(answers: &[&[&str]]) -> (Connector, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let parsed = |list: &&[&str]| list.iter().map(|text| text.parse().expect(text)).collect();
    let answers = answers.iter().map(parsed).collect();
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).expect("it is a certificate");
    (Connector::new(Fake { answers, asked: Arc::clone(&asked) }, roots), asked)
}

/// A destination that wildcards cover, and these addresses besides.
fn destination(host: &str, port: u16, addresses: &[&str]) -> Destination {
    let addresses = addresses.iter().map(|text| text.parse().expect(text)).collect();
    let leave = HttpLeave { exact: false, addresses };
    Destination { host: host.to_owned(), port, leave }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((LOCALHOST, 0)).await.expect("there are free ports");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from(&include_bytes!("../../../../tests/tls/certificate.der")[..])
}

/// Accepts TLS connections by the certificate for `api.example.com`, and echoes four bytes on each.
fn serve_tls(listener: TcpListener) {
    let key = &include_bytes!("../../../../tests/tls/key.der")[..];
    let key = PrivateKeyDer::try_from(key).expect("it is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate()], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await.expect("the test sends them");
            stream.write_all(&bytes).await.expect("the test waits for them");
        }
    });
}

#[track_caller]
fn failed(connected: Result<Box<dyn Duplex>, NoConnection>) -> Error {
    match connected.map(|_| ()) {
        Err(NoConnection::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_judged_is_connected_to() {
    let (listener, port) = listener().await;
    // A second look-up would find the name bound to another address.
    let (connector, asked) = fake(&[&[LOCALHOST], &["127.0.0.2"]]);
    let destination = destination("rebound.example.com", port, &[LOCALHOST]);
    let connected = connector.connect(&destination, false, LONG).await;
    assert!(connected.is_ok());
    let (accepted, _) = listener.accept().await.unwrap();
    assert_eq!(accepted.local_addr().unwrap().ip().to_string(), LOCALHOST);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_address_is_not_resolved() {
    let (_listener, port) = listener().await;
    let (connector, asked) = fake(&[]);
    let destination = destination(LOCALHOST, port, &[LOCALHOST]);
    assert!(connector.connect(&destination, false, LONG).await.is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused() {
    let (listener, port) = listener().await;
    for address in [LOCALHOST, "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1"] {
        let (connector, _) = fake(&[&[address, LOCALHOST]]);
        let destination = destination("evil.example.com", port, &[]);
        match connector.connect(&destination, false, LONG).await.map(|_| ()) {
            Err(NoConnection::Refused(refused)) => assert_eq!(refused.address.to_string(), address),
            other => panic!("{address}: {other:?}"),
        }
    }
    let accepted = listener.into_std().unwrap().accept();
    assert_eq!(accepted.unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn refused_addresses_are_left_out_and_the_others_tried_in_turn() {
    let (listener, port) = listener().await;
    // Nobody listens at the second, which may be reached as well as the third.
    let (connector, _) = fake(&[&["10.0.0.1", "127.0.0.9", LOCALHOST]]);
    let destination = destination("some.example.com", port, &["127.0.0.9", LOCALHOST]);
    assert!(connector.connect(&destination, false, LONG).await.is_ok());
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn only_so_many_addresses_are_tried() {
    let (_listener, port) = listener().await;
    let mut addresses = vec!["127.0.0.9"; ADDRESSES_MAX];
    addresses.push(LOCALHOST);
    let (connector, _) = fake(&[&addresses]);
    let destination = destination("many.example.com", port, &["127.0.0.9", LOCALHOST]);
    let error = failed(connector.connect(&destination, false, LONG).await);
    assert!(matches!(error, Error::ConnectionRefused), "{error:?}");
}

#[tokio::test]
async fn what_does_not_come_in_time_is_named() {
    let connector = Connector::new(Silent, RootCertStore::empty());
    let destination = destination("slow.example.com", 80, &[LOCALHOST]);
    let error = failed(connector.connect(&destination, false, Duration::ZERO).await);
    assert!(matches!(error, Error::DnsTimeout), "{error:?}");

    // Accepts TCP, and never says a word of TLS.
    let (listener, port) = listener().await;
    let (connector, _) = fake(&[&[LOCALHOST]]);
    let destination = self::destination("slow.example.com", port, &[LOCALHOST]);
    let error = failed(connector.connect(&destination, true, Duration::from_millis(50)).await);
    assert!(matches!(error, Error::ConnectionTimeout), "{error:?}");
    drop(listener);
}

#[tokio::test]
async fn a_name_without_addresses_and_one_that_is_none_are_no_hosts() {
    let (connector, _) = fake(&[&[]]);
    let error = failed(connector.connect(&destination("no.example", 80, &[]), false, LONG).await);
    assert!(matches!(error, Error::DnsError { .. }), "{error:?}");
    let error = failed(connector.connect(&destination("a'b", 443, &[]), true, LONG).await);
    assert!(matches!(error, Error::DnsError { .. }), "{error:?}");
}

#[tokio::test]
async fn the_certificate_must_name_the_host_of_the_url() {
    let (listener, port) = listener().await;
    serve_tls(listener);
    let (connector, _) = fake(&[&[LOCALHOST], &[LOCALHOST]]);
    for host in ["api.example.com", LOCALHOST] {
        let destination = destination(host, port, &[LOCALHOST]);
        let connected = connector.connect(&destination, true, LONG).await;
        let mut stream = connected.unwrap_or_else(|error| panic!("{host}: {error:?}"));
        stream.write_all(b"ping").await.unwrap();
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"ping");
    }
    let other = destination("other.example.com", port, &[LOCALHOST]);
    let error = failed(connector.connect(&other, true, LONG).await);
    assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (listener, port) = listener().await;
    serve_tls(listener);
    let connector = Connector::system();
    let destination = destination(LOCALHOST, port, &[LOCALHOST]);
    let error = failed(connector.connect(&destination, true, LONG).await);
    assert!(matches!(error, Error::TlsCertificateError), "{error:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_tls_error() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let (connector, _) = fake(&[&[LOCALHOST]]);
    let destination = destination("api.example.com", port, &[LOCALHOST]);
    let error = failed(connector.connect(&destination, true, LONG).await);
    assert!(matches!(error, Error::TlsProtocolError), "{error:?}");
}

#[tokio::test]
async fn the_system_reads_numbers_as_addresses_and_they_are_judged() {
    let connector = Connector::system();
    for host in ["2130706433", "0x7f000001", "127.1", "0x7f.1", "0177.0.0.1", "0", "0x0"] {
        let connected = connector.connect(&destination(host, 1, &[]), false, LONG).await;
        match connected.map(|_| ()) {
            Err(NoConnection::Refused(_) | NoConnection::Failed(Error::DnsError { .. })) => {}
            other => panic!("{host}: {other:?}"),
        }
    }
}
