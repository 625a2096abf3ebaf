//! URLs and answers, as the pure parts see them.

use super::*;
use crate::testing;

#[test]
fn a_url_is_taken_apart() {
    for (url, secure, authority, path_with_query) in [
        ("http://localhost:8080/orders?offset=0", false, "localhost:8080", "/orders?offset=0"),
        ("HTTPS://example.com", true, "example.com", "/"),
        ("https://example.com?a=b/c", true, "example.com", "/?a=b/c"),
        ("http://[::1]:80/a#fragment", false, "[::1]:80", "/a"),
    ] {
        let origin = Origin { secure, authority, path_with_query: path_with_query.to_owned() };
        assert_eq!(Origin::parse(url), Ok(origin));
    }
}

#[test]
fn what_is_no_url_is_refused() {
    for url in [
        "",
        "example.com/orders",
        "ftp://example.com/",
        "http:///orders",
        "http://user:secret@example.com/",
        "http://example.com/a b",
        "http://example.com/\r\nhost: other",
    ] {
        assert_eq!(Origin::parse(url).unwrap_err().kind, ErrorKind::InvalidUrl, "{url}");
    }
}

#[test]
fn half_a_body_is_interrupted() {
    testing::source(|_| {
        let headers = vec![("Content-Length".to_owned(), b"10".to_vec())];
        Ok((200, headers, b"12345".to_vec()))
    });
    let error = get("http://source/").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert_eq!(error.message, "cannot get `http://source/`: 5 of 10 bytes arrived");
}

#[test]
fn an_unmodified_answer_may_declare_a_length() {
    testing::source(|_| Ok((304, vec![("content-length".to_owned(), b"10".to_vec())], Vec::new())));
    assert_eq!(get("http://source/").unwrap().status, 304);
}

#[test]
fn a_body_larger_than_allowed_is_refused() {
    testing::source(|_| Ok((200, Vec::new(), vec![b' '; 11])));
    let request = Request::get("http://source/");
    assert_eq!(request.clone().body_bytes_max(11).send().unwrap().body.len(), 11);
    assert_eq!(request.body_bytes_max(10).send().unwrap_err().kind, ErrorKind::TooLarge);
}

#[test]
fn any_status_is_an_answer_and_only_200_to_299_is_a_success() {
    testing::source(|_| Ok((503, Vec::new(), b"later".to_vec())));
    let response = get("http://source/").unwrap();
    assert_eq!(response.body, b"later");
    let error = response.success().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Status(503));
    assert_eq!(error.message, "cannot get `http://source/`: it answered with status 503");
}

#[test]
fn an_error_of_the_source_names_the_url() {
    testing::source(|_| Err(Error::new(ErrorKind::Unreachable, "connection refused")));
    let error = get("http://source/").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(error.message, "cannot get `http://source/`: connection refused");
}
