//! A paginated HTTP source of orders, as the import workflow reads one: for the demo and for tests.
//!
//! `GET /orders?offset=N&limit=M` answers with a JSON array of at most `M` orders from row `N` on, and
//! with `[]` past the end. The same settings give the same orders. It can be slow and it can fail, as
//! its [`Settings`] say.
//!
//! ```
//! use orders_source::{OrdersSource, Settings};
//!
//! let source = OrdersSource::start(Settings { rows: 100, ..Settings::default() }).unwrap();
//! assert!(source.url().starts_with("http://127.0.0.1:"));
//! // ... run an import from `source.url()` ...
//! assert_eq!(source.requests(), 0);
//! ```

mod body;
mod failure;
mod order;
mod server;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::oneshot;

pub use failure::{Failure, Fault, InvalidFailure, When};
pub use order::order;

use crate::server::Served;

/// How the source behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many orders there are.
    pub rows: u64,
    /// How long the source waits before each answer.
    pub delay: Duration,
    /// How and when it fails; of several that apply, the first one counts.
    pub failures: Vec<Failure>,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
}

impl Default for Settings {
    /// 1,003 orders, so that the last page of 25 is short; no delay, no failures, a free port.
    fn default() -> Self {
        Self { rows: 1_003, delay: Duration::ZERO, failures: Vec::new(), port: 0 }
    }
}

/// A running source. It has a thread of its own, so it serves synchronous and asynchronous callers
/// alike; dropping it closes its port and all connections.
#[derive(Debug)]
pub struct OrdersSource {
    address: SocketAddr,
    served: Arc<Served>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OrdersSource {
    /// Starts a source; when this returns, it accepts connections.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::new(Served::new(settings));
        let (stop, stopped) = oneshot::channel();
        let serving = server::serve(listener, Arc::clone(&served), stopped);
        let thread = thread::Builder::new().name("orders-source".to_owned()).spawn(move || {
            // Ends with an error only where the listener cannot be used, and then nobody is served.
            let _ = runtime.block_on(serving);
        })?;
        Ok(Self { address, served, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the orders are: what an import's `source` is.
    pub fn url(&self) -> String {
        format!("http://{}/orders", self.address)
    }

    /// Host and port: what a function must be granted.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// How many requests have arrived, whatever became of them.
    pub fn requests(&self) -> u64 {
        self.served.requests()
    }

    /// The offsets that were asked for, in order.
    pub fn offsets(&self) -> Vec<u64> {
        self.served.offsets()
    }
}

impl Drop for OrdersSource {
    fn drop(&mut self) {
        // The receiver is gone if the server has ended, and then there is nothing to stop.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
