//! Tasks that reach for what they were not given: sockets, names, objects of others, the host's environment
//! and its input.

use std::sync::Arc;

use serde_json::json;
use stepwell_objects::FolderBuckets;
use stepwell_sandbox::{Grants, ObjectGrant};

use crate::support::{Case, End, Guest, NULL, Setup, cases, failure};

const EXIT: &str = r#"
(import "wasi:cli/exit@0.2.12" (instance $exit
  (export "exit-with-code" (func (param "status-code" u8)))))
"#;

fn exiting(code: u32) -> Guest {
    Guest::new(&format!("(call $exit-with (i32.const {code})) {NULL}")).imports(EXIT).lower(
        "exit-with",
        "(param i32)",
        r#"lower (func $exit "exit-with-code")"#,
    )
}

/// As the network of a guest that has none says it.
const NO_NETWORK: End = End::Fails("Io");

cases! {
    a_socket_that_listens => {
        Case::deed(r#"{"do":"listen","address":"127.0.0.1:0"}"#, NO_NETWORK)
    };
    a_socket_that_listens_everywhere => {
        Case::deed(r#"{"do":"listen","address":"[::]:0"}"#, NO_NETWORK)
    };
    a_socket_that_connects => {
        Case::deed(r#"{"do":"connect","address":"127.0.0.1:22"}"#, NO_NETWORK)
    };
    a_datagram => Case::deed(r#"{"do":"datagram","address":"127.0.0.1:53"}"#, NO_NETWORK);
    the_address_of_a_name => Case::deed(r#"{"do":"lookup","host":"localhost"}"#, NO_NETWORK);
    the_input_of_the_host => Case::deed(r#"{"do":"read-stdin"}"#, End::Answers(r#"{"text":""}"#));
    the_environment_of_the_host => Case::deed(
        r#"{"do":"env"}"#,
        End::Answers(r#"{"variables":[],"arguments":[]}"#),
    );
    an_exit_with_zero => Case::guest(&exiting(0), End::Exit("Runtime exited without providing a reason"));
    an_exit_with_a_code => Case::guest(&exiting(7), End::Exit("exit status 7"));
    an_exit_with_the_largest_code => Case::guest(&exiting(255), End::Exit("exit status 255"));
}

/// Objects of two functions in one bucket. The tested one may touch `cache/*`.
struct Storage {
    folder: tempfile::TempDir,
    buckets: Arc<FolderBuckets>,
}

impl Storage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = Arc::new(FolderBuckets::open(folder.path().to_owned()).unwrap());
        for key in ["cache/own", "cache-of-others", "cachet/secret", "others/secret"] {
            let path = folder.path().join("shop").join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "secret").unwrap();
        }
        Self { folder, buckets }
    }

    /// The names of all files, and what is in them.
    fn snapshot(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    /// The error of a deed with a key, which has not changed anything.
    async fn error(&self, deed: &str, key: &str) -> String {
        let before = self.snapshot();
        let grant = ObjectGrant {
            bucket: "shop".to_owned(),
            key: "cache/".to_owned(),
            prefix: true,
            read: true,
            write: true,
        };
        let grants = Grants { objects: vec![grant], ..Grants::default() };
        let event = match deed {
            "bucket-put" => json!({ "do": deed, "bucket": "shop", "key": key, "body": "x" }),
            "bucket-list" => json!({ "do": deed, "bucket": "shop", "prefix": key }),
            "bucket-copy" => json!({ "do": deed, "bucket": "shop", "key": key, "to": "cache/got" }),
            _ => json!({ "do": deed, "bucket": "shop", "key": key }),
        };
        let setup = Setup::hostile().objects(self.buckets.clone()).grants(grants);
        let invoked = setup.invoke(event).await;
        assert_eq!(self.snapshot(), before, "{deed} {key:?}");
        failure(&invoked).error_type.clone()
    }
}

#[tokio::test]
async fn a_key_beside_the_prefix_is_denied_however_it_is_spelt() {
    let storage = Storage::new();
    // Each is another key than those of the prefix: nothing is decoded, folded or normalized.
    let keys = [
        "",
        "cache",
        "cache-of-others",
        "cachet/secret",
        "CACHE/own",
        "Cache/own",
        "/cache/own",
        "./cache/own",
        " cache/own",
        "cache\u{0}/own",
        "\u{0}cache/own",
        "cache%2fown",
        "cache%2Fown",
        "cache\\own",
        "cache\u{2215}own",
        "cache\u{ff0f}own",
        "\u{441}ache/own",
        "ca\u{301}che/own",
        "..",
        "../shop/cache/own",
        "%2e%2e%2fothers/secret",
        "others/secret",
        "*",
        "cach*",
        "c",
    ];
    for key in keys {
        for deed in ["bucket-get", "bucket-head", "bucket-put", "bucket-delete", "bucket-copy"] {
            assert_eq!(storage.error(deed, key).await, "Buckets.AccessDenied", "{deed} {key:?}");
        }
        assert_eq!(storage.error("bucket-list", key).await, "Buckets.AccessDenied", "{key:?}");
    }
}

#[tokio::test]
async fn a_key_that_climbs_out_of_the_prefix_is_one_of_the_prefix() {
    let storage = Storage::new();
    for key in [
        "cache/../others/secret",
        "cache/%2e%2e%2fothers%2fsecret",
        "cache/..%2f..%2fothers/secret",
        "cache//../../others/secret",
        "cache/./own",
        "cache//own",
        "cache/own/",
        "cache/OWN",
        "cache/own\u{301}",
        "cache/%6fwn",
        "cache/..",
        "cache/.",
        "cache/",
    ] {
        for deed in ["bucket-get", "bucket-head", "bucket-copy"] {
            assert_eq!(storage.error(deed, key).await, "Buckets.NoSuchKey", "{deed} {key:?}");
        }
    }
}

#[tokio::test]
async fn a_key_with_nul_never_names_another_object() {
    let storage = Storage::new();
    for key in ["cache/own\u{0}", "cache/\u{0}", "cache/own\u{0}.txt"] {
        let error = storage.error("bucket-get", key).await;
        assert!(["Buckets.NoSuchKey", "Buckets.InvalidName"].contains(&&*error), "{error}");
    }
}
