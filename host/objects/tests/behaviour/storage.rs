//! The two storages that the suite runs over.

use std::ops::Deref;
use std::path::Path;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use stepwell_objects::{Buckets, FolderBuckets, ListPage, ListRequest, S3Buckets};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// The bucket that exists from the start.
pub(crate) const BUCKET: &str = "rows";

/// Buckets to test, and the folder that holds them in the end.
pub(crate) struct Storage {
    buckets: Box<dyn Buckets>,
    is_toy_server: bool,
    root: TempDir,
}

impl Storage {
    pub(crate) fn folder() -> Self {
        let root = root();
        let buckets = FolderBuckets::open(root.path().to_owned()).unwrap();
        Self { buckets: Box::new(buckets), is_toy_server: false, root }
    }

    pub(crate) async fn s3() -> Self {
        let root = root();
        let endpoint = serve(root.path()).await;
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .region(Region::from_static("eu-central-1"))
            .endpoint_url(endpoint);
        let buckets = S3Buckets::load(loader).await.unwrap();
        Self { buckets: Box::new(buckets), is_toy_server: true, root }
    }

    /// Whether this is s3s-fs, with its differences from S3.
    pub(crate) fn is_toy_server(&self) -> bool {
        self.is_toy_server
    }

    pub(crate) async fn put_text(&self, key: &str, text: &str) {
        self.put(BUCKET, key, Bytes::from(text.to_owned())).await.unwrap();
    }

    pub(crate) async fn text(&self, key: &str) -> String {
        let object = self.get(BUCKET, key, None, u64::MAX).await.unwrap();
        String::from_utf8(object.body.into()).unwrap()
    }

    pub(crate) async fn page(
        &self,
        prefix: &str,
        continuation_token: Option<String>,
        max_keys: u16,
    ) -> ListPage {
        let request = ListRequest { prefix: prefix.to_owned(), continuation_token, max_keys };
        self.list(BUCKET, &request).await.unwrap()
    }

    /// All keys with a prefix, by pages of `max_keys`.
    pub(crate) async fn keys(&self, prefix: &str, max_keys: u16) -> Vec<String> {
        let mut keys = Vec::new();
        let mut token = None;
        loop {
            let page = self.page(prefix, token, max_keys).await;
            assert!(page.objects.len() <= usize::from(max_keys));
            keys.extend(page.objects.into_iter().map(|object| object.key));
            token = page.next_continuation_token;
            if token.is_none() {
                return keys;
            }
        }
    }

    /// Files that are no objects: what is left of unfinished writes.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let temporary = self.root.path().join(".stepwell-tmp");
        let names = |path: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(path).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let mut left = names(&temporary);
        left.extend(names(self.root.path()).into_iter().filter(|name| name.starts_with(".upload")));
        left
    }
}

impl Deref for Storage {
    type Target = dyn Buckets;

    fn deref(&self) -> &Self::Target {
        &*self.buckets
    }
}

fn root() -> TempDir {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join(BUCKET)).unwrap();
    root
}

/// Serves a folder as S3 for as long as the test's runtime lives.
async fn serve(root: &Path) -> String {
    let credentials = Credentials::for_tests();
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(id, secret));
    let service: S3Service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    format!("http://{address}")
}
