//! HTTP: to granted hosts, and no other way.

use std::time::Duration;

use orders_source::{OrdersSource, Settings};
use serde_json::json;
use stepwell_sandbox::{Grants, HttpGrant, Invoked};

use crate::support::{Setup, answer, failure, log};

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
