//! From a destination to a connection: resolve once, leave out the addresses that may not be reached,
//! connect to one of the others, and speak TLS where the URL says so.
//!
//! Nobody resolves the name a second time, so what was judged is what is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use wasmtime_wasi_http::Error;

use super::addresses::{Destination, Refused};

/// Addresses of one name that are tried, one after the other.
const ADDRESSES_MAX: usize = 8;

/// Look-ups of the whole process at one time. The system's resolver holds a thread until it knows, also
/// for a request that was given up, and the threads are those that read and write files as well.
const LOOKUPS_MAX: usize = 64;

/// Finds the addresses of names.
pub(super) trait Resolve: Send + Sync {
    /// The addresses of `host`, which is no address itself.
    fn resolve(&self, host: &str) -> Resolving;
}

pub(super) type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The resolver that all programs of this machine use.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Resolving {
        static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_MAX);
        let host = host.to_owned();
        Box::pin(async move {
            let lookup = LOOKUPS.acquire().await.expect("nobody closes it");
            // On a task of its own: who gives up waiting does not give back the thread.
            let found = tokio::spawn(async move {
                let _lookup = lookup;
                let addresses = lookup_host((host.as_str(), 0)).await?;
                Ok(addresses.map(|address| address.ip()).collect())
            });
            found.await.unwrap_or_else(|error| Err(io::Error::other(error)))
        })
    }
}

/// What bytes go over.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// None of the host's addresses may be reached.
    Refused(Refused),
    /// It could not be made.
    Failed(Error),
}

impl From<Error> for NoConnection {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Makes connections.
pub(super) struct Connector {
    resolver: Box<dyn Resolve>,
    tls: TlsConnector,
}

impl Connector {
    /// That asks the system's resolver and trusts Mozilla's roots. Made once: the roots are many.
    pub(super) fn system() -> Arc<Self> {
        static SYSTEM: LazyLock<Arc<Connector>> = LazyLock::new(|| {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
            Arc::new(Connector::new(SystemResolver, roots))
        });
        Arc::clone(&SYSTEM)
    }

    pub(super) fn new(resolver: impl Resolve + 'static, roots: RootCertStore) -> Self {
        // Named, because a process with two providers has no default one.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of every version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { resolver: Box::new(resolver), tls: TlsConnector::from(Arc::new(config)) }
    }

    /// Connects to a destination within `timeout`, in all.
    pub(super) async fn connect(
        &self,
        destination: &Destination,
        https: bool,
        timeout: Duration,
    ) -> Result<Box<dyn Duplex>, NoConnection> {
        let end = Instant::now() + timeout;
        let server = https.then(|| server_name(destination)).transpose()?;
        let addresses = match destination.address() {
            Some(address) => vec![address],
            None => timeout_at(end, self.resolver.resolve(&destination.host))
                .await
                .map_err(|_| Error::DnsTimeout)?
                .map_err(|_| no_such_host("address not available"))?,
        };
        let mut addresses = destination.reachable(addresses).map_err(NoConnection::Refused)?;
        addresses.truncate(ADDRESSES_MAX);
        let stream = dial(&addresses, destination.port, end).await?;
        let Some(server) = server else { return Ok(Box::new(stream)) };
        let shaken = timeout_at(end, self.tls.connect(server, stream)).await;
        Ok(Box::new(shaken.map_err(|_| Error::ConnectionTimeout)?.map_err(tls_error)?))
    }
}

/// Connects to the first address that answers. Each has an equal share of the time that is left, so that
/// one that says nothing does not keep the others from being tried.
async fn dial(addresses: &[IpAddr], port: u16, end: Instant) -> Result<TcpStream, Error> {
    let mut failure = no_such_host("address not available");
    for (&address, others) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let now = Instant::now();
        let share = end.saturating_duration_since(now) / u32::try_from(others).unwrap_or(u32::MAX);
        let address = SocketAddr::new(address, port);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests leave at once. Where that cannot be set, they leave a little later.
                _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failure = connect_error(error),
            Err(_) => failure = Error::ConnectionTimeout,
        }
    }
    Err(failure)
}

/// Whom the certificate must name: the host of the URL, whatever address it has.
fn server_name(destination: &Destination) -> Result<ServerName<'static>, Error> {
    match destination.address() {
        Some(address) => Ok(ServerName::from(address)),
        None => ServerName::try_from(destination.host.clone())
            .map_err(|_| no_such_host("invalid dns name")),
    }
}

fn no_such_host(why: &str) -> Error {
    Error::DnsError { rcode: Some(why.to_owned()), info_code: None }
}

fn connect_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::Connect(error),
    }
}

fn tls_error(error: io::Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::Tls(error),
    }
}

#[cfg(test)]
mod tests;
