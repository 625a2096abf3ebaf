//! What a task cannot reach, whatever its grants: files of the host, sockets, names of hosts. What it can
//! do below its own `/tmp` is in `files`.

use std::path::Path;

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
async fn files_of_the_host_cannot_be_read_written_or_listed() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for path in ["/etc/passwd", "/proc/self/environ", "../../../../etc/passwd", "Cargo.toml", here]
    {
        assert_out_of_reach(json!({ "do": "read-file", "path": path })).await;
    }
    for path in ["/", ".", "/tmp/..", "/var/tmp"] {
        assert_out_of_reach(json!({ "do": "list-files", "path": path })).await;
    }
    for path in ["/var/tmp/stepwell-written-by-a-guest", "stepwell-written-by-a-guest"] {
        assert_out_of_reach(json!({ "do": "write-file", "path": path, "bytes": 1 })).await;
        assert!(!Path::new(path).exists());
    }
    // The guest's `/tmp` is not the host's.
    let written = Path::new("/tmp/stepwell-written-by-a-guest");
    let deed = json!({ "do": "write-file", "path": written, "bytes": 1 });
    assert_eq!(Setup::hostile().invoke(deed).await.report.status, Status::Success);
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
