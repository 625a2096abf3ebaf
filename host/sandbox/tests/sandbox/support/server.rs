//! TCP servers that behave as a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A server on a port of its own at 127.0.0.1. It lives as long as the test's runtime.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Seen>,
}

/// What a server has seen.
#[derive(Default)]
pub(crate) struct Seen {
    connections: AtomicUsize,
    sent_bytes: AtomicU64,
    left: Notify,
}

/// One connection of a server, whose request has been read.
pub(crate) struct Connection {
    stream: TcpStream,
    seen: Arc<Seen>,
}

impl Server {
    /// That deals with each connection so, once its request is there.
    pub(crate) async fn start<D, F>(deal: D) -> Self
    where
        D: Fn(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Seen>::default();
        let server = Self { port, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.connections.fetch_add(1, Ordering::Relaxed);
                let mut connection = Connection { stream, seen: Arc::clone(&seen) };
                if connection.read_request().await {
                    tokio::spawn(deal(connection));
                }
            }
        });
        server
    }

    /// That answers each request with these bytes and closes the connection.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |mut connection| {
            let bytes = Arc::clone(&bytes);
            async move {
                connection.send(&bytes).await;
            }
        })
        .await
    }

    /// That never answers.
    pub(crate) async fn silent() -> Self {
        Self::start(async |mut connection| connection.wait_for_end().await).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.seen.sent_bytes.load(Ordering::Relaxed)
    }

    /// Waits until a client has left before its answer was whole.
    pub(crate) async fn left(&self) {
        self.seen.left.notified().await;
    }
}

impl Connection {
    /// Reads up to the empty line; `false` where the client leaves before.
    async fn read_request(&mut self) -> bool {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = self.stream.read_u8().await else {
                self.seen.left.notify_one();
                return false;
            };
            head.push(byte);
        }
        true
    }

    /// Sends bytes; `false` once the client has left.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.stream.write_all(bytes).await.is_ok();
        if sent {
            self.seen.sent_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        } else {
            self.seen.left.notify_one();
        }
        sent
    }

    /// Waits until the client has left.
    pub(crate) async fn wait_for_end(&mut self) {
        while matches!(self.stream.read(&mut [0; 64]).await, Ok(1..)) {}
        self.seen.left.notify_one();
    }
}
