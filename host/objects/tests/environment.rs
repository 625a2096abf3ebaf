//! What `S3Buckets::from_environment` takes from the environment, tried in processes of their own.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics and prints; Clippy does not count helpers as tests"
)]

use std::env;
use std::process::Command;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use stepwell_objects::{Buckets, S3Buckets};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Set in the second run of this program.
const IS_CHILD: &str = "STEPWELL_OBJECTS_TEST_CHILD";

/// Not a test by itself: puts and reads an object with the environment's settings, and prints the
/// error, if any.
#[tokio::test]
async fn child() {
    if env::var_os(IS_CHILD).is_none() {
        return;
    }
    let result = async {
        let buckets = S3Buckets::from_environment().await?;
        buckets.put("rows", "a b/ü", Bytes::from_static(b"text")).await
    };
    match result.await {
        Ok(info) => println!("CHILD etag={}", info.etag),
        Err(error) => println!("CHILD {}: {error}", error.code()),
    }
}

/// Runs `child` with these variables and no other AWS settings; gives what it printed.
async fn run(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env_clear().env(IS_CHILD, "1");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    command.envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("CHILD "));
    line.unwrap_or_else(|| panic!("{text}")).1.to_owned()
}

const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];

/// Answers every request with `status`, and tells of each.
async fn serve(status: StatusCode) -> (String, mpsc::UnboundedReceiver<http::request::Parts>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            let sender = sender.clone();
            let service = service_fn(move |request: http::Request<Incoming>| {
                let _nobody_listens = sender.send(request.into_parts().0);
                let answer = Response::builder().status(status).header("etag", "\"tag\"");
                async move { answer.body(String::new()) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (format!("http://{address}"), receiver)
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_used_by_path_and_without_checksums() {
    for variable in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        let (endpoint, mut requests) = serve(StatusCode::OK).await;
        let variables = [&CREDENTIALS[..], &[(variable, &endpoint)]].concat();
        assert_eq!(run(&variables).await, "etag=tag");
        let request = requests.recv().await.unwrap();
        assert_eq!(request.method, Method::PUT);
        assert_eq!(request.uri.path(), "/rows/a%20b/%C3%BC");
        let authorization = request.headers["authorization"].to_str().unwrap();
        assert!(authorization.contains("Credential=id/"), "{authorization}");
        assert!(authorization.contains("/us-east-1/s3/aws4_request"), "{authorization}");
        assert!(!request.headers.keys().any(|name| name.as_str().contains("checksum")));
    }
}

#[tokio::test]
async fn the_endpoint_for_s3_wins_over_that_for_all_services() {
    let (endpoint, mut requests) = serve(StatusCode::OK).await;
    let own = ("AWS_ENDPOINT_URL_S3", endpoint.as_str());
    let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let variables = [&CREDENTIALS[..], &[own, all, ("AWS_REGION", "eu-west-1")]].concat();
    assert_eq!(run(&variables).await, "etag=tag");
    let request = requests.recv().await.unwrap();
    assert!(request.headers["authorization"].to_str().unwrap().contains("/eu-west-1/s3/"));
}

#[tokio::test]
async fn a_failing_server_is_asked_three_times() {
    let (endpoint, mut requests) = serve(StatusCode::SERVICE_UNAVAILABLE).await;
    let variables = [&CREDENTIALS[..], &[("AWS_ENDPOINT_URL", &endpoint)]].concat();
    assert_eq!(
        run(&variables).await,
        "ServiceUnavailable: cannot write object `a b/ü` of bucket `rows` in S3: \
         S3 answered with status 503"
    );
    assert_eq!(std::iter::from_fn(|| requests.try_recv().ok()).count(), 3);
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let endpoint = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let line = run(&[&CREDENTIALS[..], &[endpoint]].concat()).await;
    assert!(line.starts_with("ServiceUnavailable: cannot write object `a b/ü`"), "{line}");
    assert!(line.to_lowercase().contains("connect"), "{line}");
}

#[tokio::test]
async fn missing_settings_are_named() {
    assert_eq!(
        run(&CREDENTIALS).await,
        "InvalidRequest: no AWS region is set: set `AWS_REGION`, or `region` in the profile"
    );
    let line = run(&[("AWS_REGION", "eu-west-1")]).await;
    let expected = "AccessDenied: no usable AWS credentials: \
                    set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`";
    assert!(line.starts_with(expected), "{line}");
}
