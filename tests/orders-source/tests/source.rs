//! The source as its clients see it: pages, counts and failures.
#![expect(clippy::unwrap_used, reason = "a test that cannot ask has failed")]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use orders_source::{OrdersSource, Settings, order};

/// Starts a source of 1,003 orders that fails as the texts say.
fn failing(failures: &[&str]) -> OrdersSource {
    let failures = failures.iter().map(|text| text.parse().unwrap()).collect();
    OrdersSource::start(Settings { failures, ..Settings::default() }).unwrap()
}

fn ask(source: &OrdersSource, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(source.authority()).unwrap();
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        source.authority()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Status, declared length and body of an answer, whole or not; `None` if nothing came.
fn get(source: &OrdersSource, target: &str) -> Option<(u16, usize, String)> {
    let mut answer = Vec::new();
    // A connection that is reset has still delivered what came before.
    let _ = ask(source, target).read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    Some((status, length.parse().unwrap(), body.to_owned()))
}

fn page(source: &OrdersSource, offset: u64) -> (u16, String) {
    let (status, length, body) = get(source, &format!("/orders?offset={offset}&limit=25")).unwrap();
    assert_eq!(length, body.len());
    (status, body)
}

#[test]
fn pages_hold_all_orders_and_the_last_one_is_short() {
    let source = failing(&[]);
    let (mut offset, mut rows) = (0, Vec::new());
    loop {
        let (status, body) = page(&source, offset);
        assert_eq!(status, 200);
        let orders = body.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
        if orders.is_empty() {
            break;
        }
        let count = orders.matches("{\"id\":").count() as u64;
        offset += count;
        rows.push(orders.to_owned());
    }
    assert_eq!(offset, 1_003);
    let expected: Vec<String> = (1..=1_003).map(order).collect();
    assert_eq!(rows.join(","), expected.join(","));
    assert_eq!(source.requests(), 42);
}

#[test]
fn a_connection_can_be_used_again() {
    let source = failing(&[]);
    let mut stream = TcpStream::connect(source.authority()).unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /orders?limit=0 HTTP/1.1\r\nhost: source\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"[]") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
    }
    assert_eq!(source.requests(), 2);
}

#[test]
fn the_first_requests_of_each_offset_fail() {
    let source = failing(&["status:500@first:2"]);
    for offset in [0, 25] {
        let statuses = [(); 3].map(|()| page(&source, offset).0);
        assert_eq!(statuses, [500, 500, 200]);
    }
}

#[test]
fn every_third_request_fails() {
    let source = failing(&["status:503@every:3"]);
    let statuses: Vec<u16> = (0..6).map(|offset| page(&source, offset).0).collect();
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}

#[test]
fn half_a_body_is_declared_whole() {
    let source = failing(&["half-body@first:1"]);
    let (status, length, half) = get(&source, "/orders?offset=0&limit=25").unwrap();
    let (_, whole) = page(&source, 0);
    assert_eq!(status, 200);
    assert_eq!(length, whole.len());
    assert_eq!(half, whole[..half.len()]);
    assert_eq!(half.len(), whole.len() / 2);
}

#[test]
fn a_dropped_connection_gives_nothing() {
    let source = failing(&["drop@offset:25"]);
    assert_eq!(page(&source, 0).0, 200);
    assert_eq!(get(&source, "/orders?offset=25"), None);
    assert_eq!(source.requests(), 2);
}

#[test]
fn a_page_may_be_no_json() {
    let source = failing(&["not-json@always"]);
    let (status, body) = page(&source, 0);
    assert_eq!(status, 200);
    assert!(body.starts_with("<html>"));
}

#[test]
fn a_hanging_answer_never_comes_and_ends_with_the_source() {
    let source = failing(&["hang@offset:0"]);
    let mut hanging = ask(&source, "/orders?offset=0");
    hanging.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let waited = hanging.read(&mut [0]).unwrap_err();
    assert!(matches!(waited.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
    assert_eq!(page(&source, 25).0, 200);

    let authority = source.authority();
    drop(source);
    hanging.set_read_timeout(None).unwrap();
    assert!(matches!(hanging.read(&mut [0]), Ok(0) | Err(_)));
    assert!(TcpStream::connect(authority).is_err());
}

#[test]
fn a_delay_comes_before_each_answer() {
    let delay = Duration::from_millis(30);
    let source = OrdersSource::start(Settings { delay, ..Settings::default() }).unwrap();
    let started = Instant::now();
    page(&source, 0);
    assert!(started.elapsed() >= delay);
}

#[test]
fn what_is_no_page_is_refused() {
    let source = failing(&[]);
    assert_eq!(get(&source, "/").unwrap().0, 404);
    assert_eq!(get(&source, "/orders?offset=first").unwrap().0, 400);
}

#[test]
fn the_programs_first_line_is_the_url() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_orders-source"))
        .args(["--rows", "3", "--fail", "status:500@first:1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let authority = url.trim().strip_prefix("http://").unwrap().strip_suffix("/orders").unwrap();

    let mut stream = TcpStream::connect(authority).unwrap();
    stream.write_all(b"GET /orders HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.0 500 "), "{answer}");
}
