//! What a task cannot reach, whatever its grants: files, sockets, names of hosts.

use serde_json::{Value, json};
use stepwell_sandbox::{Grants, HttpGrant, Status};

use crate::support::{Setup, failure};

async fn assert_out_of_reach(deed: Value) {
    let everywhere = HttpGrant { host: "*".to_owned(), port: Some(None) };
    let grants = Grants { http: vec![everywhere], ..Grants::default() };
    for setup in [Setup::hostile(), Setup::hostile().grants(grants)] {
        let invoked = setup.invoke(&deed).await;
        assert!(
            matches!(invoked.report.status, Status::Failed { .. }),
            "{deed}: {:?}",
            failure(&invoked)
        );
    }
}

#[tokio::test]
async fn files_cannot_be_read_written_or_listed() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for path in ["/etc/passwd", "/proc/self/environ", "../../../../etc/passwd", "Cargo.toml", here]
    {
        assert_out_of_reach(json!({ "do": "read-file", "path": path })).await;
    }
    for path in ["/", ".", "/tmp"] {
        assert_out_of_reach(json!({ "do": "list-files", "path": path })).await;
    }
    let written = std::env::temp_dir().join("stepwell-written-by-a-guest");
    for path in [written.to_str().unwrap(), "stepwell-written-by-a-guest"] {
        assert_out_of_reach(json!({ "do": "write-file", "path": path, "bytes": 1 })).await;
    }
    assert!(!written.exists());
}

#[tokio::test]
async fn sockets_and_name_lookups_are_out_of_reach() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        assert_out_of_reach(json!({ "do": "connect", "address": format!("{host}:{port}") })).await;
    }
    assert!(listener.accept().is_err(), "nobody came");
}
