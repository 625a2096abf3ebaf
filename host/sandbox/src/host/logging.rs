//! `wasi:logging` and the standard streams: both end in the invocation's log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::bindings::wasi::logging::logging;
use super::{Host, log_line};
use crate::meter::Meter;
use crate::report::{Log, LogSource};

/// What a guest may write to a stream at once.
const WRITE_BYTES_MAX: usize = 64 << 10;

impl logging::Host for Host {
    fn log(
        &mut self,
        level: logging::Level,
        context: String,
        message: String,
    ) -> wasmtime::Result<()> {
        let level = match level {
            logging::Level::Trace => "trace",
            logging::Level::Debug => "debug",
            logging::Level::Info => "info",
            logging::Level::Warn => "warn",
            logging::Level::Error => "error",
            logging::Level::Critical => "critical",
        };
        let text = if context.is_empty() { message } else { format!("{context}: {message}") };
        self.meter.charge(text.len() as u64);
        log_line(&self.log, LogSource::Log(level), &text);
        Ok(())
    }
}

/// A standard stream of a guest.
#[derive(Clone)]
pub(super) struct Printer {
    log: Arc<Mutex<Log>>,
    meter: Arc<Meter>,
    source: LogSource,
}

impl Printer {
    pub(super) fn new(log: &Arc<Mutex<Log>>, meter: &Arc<Meter>, source: LogSource) -> Self {
        Self { log: Arc::clone(log), meter: Arc::clone(meter), source }
    }

    fn print(&self, bytes: &[u8]) {
        self.meter.charge(bytes.len() as u64);
        let mut log = self.log.lock().expect("nothing panics while it holds this lock");
        log.print(&self.source, bytes);
    }
}

impl IsTerminal for Printer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printer {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {}
}

impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Printer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
