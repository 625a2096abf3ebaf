//! An S3 server in this process: s3s-fs over a folder.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::Cli;

const ACCESS_KEY_ID: &str = "AKIATESTS";
const SECRET_ACCESS_KEY: &str = "secret of the tests";

/// A running server with a thread of its own, and the folder that it serves.
pub(crate) struct S3Server {
    root: TempDir,
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl S3Server {
    /// Starts one that has these buckets.
    pub(crate) fn with_buckets(buckets: &[&str]) -> Self {
        let root = TempDir::new().unwrap();
        for bucket in buckets {
            std::fs::create_dir(root.path().join(bucket)).unwrap();
        }
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = builder.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stop, mut stopped) = oneshot::channel();
        let serving = async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _peer) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    _ = &mut stopped => return,
                };
                let connection = http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service.clone()));
            }
        };
        let thread = thread::spawn(move || runtime.block_on(serving));
        Self { root, endpoint, stop: Some(stop), thread: Some(thread) }
    }

    /// Tells a run where the server is and who it may be.
    pub(crate) fn known_to(&self, cli: Cli) -> Cli {
        cli.args(["--objects", "s3"])
            .env("AWS_ENDPOINT_URL_S3", &self.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// An object, as `BUCKET/KEY`; `None` where there is none.
    pub(crate) fn object(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.path().join(path)).ok()
    }

    /// Puts an object, as `BUCKET/KEY`.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        _ = self.stop.take().map(|stop| stop.send(()));
        _ = self.thread.take().map(thread::JoinHandle::join);
    }
}
