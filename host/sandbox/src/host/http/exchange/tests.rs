//! Answers of all kinds, over a pipe instead of a connection.

use std::fmt::Write;

use http_body_util::{BodyExt, Empty};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const LONG: Duration = Duration::from_mins(1);

fn timeouts() -> Timeouts {
    Timeouts { connect: LONG, first_byte: LONG, between_bytes: LONG }
}

/// Sends a request to a server that answers with these bytes and goes, if it goes.
async fn answered(bytes: Vec<u8>, goes: bool, timeouts: Timeouts) -> Result<Vec<u8>, Error> {
    let (stream, server) = duplex(1 << 16);
    let serving = tokio::spawn(serve(server, bytes, goes));
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = Request::get("http://example.com/path?query").body(body).unwrap();
    let (_invocation, watched) = watch::channel(());
    let (response, driver) = exchange(Box::new(stream), request, timeouts, watched).await?;
    let driving = tokio::spawn(async move {
        if let Some(driver) = driver {
            _ = driver.await;
        }
    });
    let collected = response.into_body().collect().await;
    driving.abort();
    serving.abort();
    Ok(collected?.to_bytes().to_vec())
}

async fn serve(mut server: DuplexStream, bytes: Vec<u8>, goes: bool) {
    let mut head = [0; 28];
    server.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"GET /path?query HTTP/1.1\r\n\r\n");
    // Who got an error may not wait for the rest.
    _ = server.write_all(&bytes).await;
    if !goes {
        std::future::pending::<()>().await;
    }
}

fn head(headers: usize, bytes: usize) -> Vec<u8> {
    let mut head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n".to_owned();
    for header in 1..headers {
        _ = write!(head, "x-{header}: {}\r\n", "h".repeat(bytes));
    }
    (head + "\r\nok").into_bytes()
}

#[tokio::test]
async fn an_answer_is_passed_on() {
    let answer = answered(head(1, 0), false, timeouts()).await;
    assert_eq!(answer.unwrap(), b"ok");
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_eq!(answered(chunked.to_vec(), false, timeouts()).await.unwrap(), b"ok");
    let closed = b"HTTP/1.1 200 OK\r\n\r\nok";
    assert_eq!(answered(closed.to_vec(), true, timeouts()).await.unwrap(), b"ok");
}

#[tokio::test]
async fn heads_are_bounded_in_number_and_size() {
    assert!(answered(head(HEADERS_MAX, 0), false, timeouts()).await.is_ok());
    assert!(answered(head(60, 1_000), false, timeouts()).await.is_ok());
    for bomb in [head(HEADERS_MAX + 1, 0), head(10_000, 0), head(70, 1_000), head(2, 1 << 20)] {
        let error = answered(bomb, false, timeouts()).await.unwrap_err();
        assert!(matches!(error, Error::HttpResponseHeaderSectionSize(None)), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_incomplete() {
    for part in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok",
    ] {
        let error = answered(part.into(), true, timeouts()).await.unwrap_err();
        assert!(matches!(error, Error::HttpResponseIncomplete), "{part}: {error:?}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_an_error() {
    for text in ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "ok", "\0\0\0\0"] {
        let error = answered(text.into(), true, timeouts()).await.unwrap_err();
        assert!(
            matches!(error, Error::Hyper(_) | Error::HttpResponseIncomplete),
            "{text}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_and_a_body_that_stops_end_in_time() {
    let short = Duration::from_millis(1);
    let first = Timeouts { first_byte: short, ..timeouts() };
    let error = answered(Vec::new(), false, first).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");

    let between = Timeouts { between_bytes: short, ..timeouts() };
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok";
    let error = answered(half.to_vec(), false, between).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");
}

#[test]
fn timeouts_are_those_of_the_guest_within_ours() {
    let short = Duration::from_millis(3);
    let options = RequestOptions {
        connect_timeout: Some(short),
        first_byte_timeout: Some(Duration::MAX),
        between_bytes_timeout: None,
    };
    let Timeouts { connect, first_byte, between_bytes } = Timeouts::of(Some(options));
    assert_eq!([connect, first_byte, between_bytes], [short, TIMEOUT_MAX, TIMEOUT_MAX]);
    assert_eq!(Timeouts::of(None).connect, TIMEOUT_MAX);
}
