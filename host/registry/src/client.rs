//! Talks to one registry.

use std::error::Error;
use std::io::{self, Write};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use stepwell_asl::RegistryReference;
use tempfile::NamedTempFile;
use tokio::io::AsyncWrite;
use tokio::runtime::Runtime;
use tokio_rustls::rustls;

use crate::{RegistryError, credentials};

/// How large a component may be: as an unzipped deployment package (`facts/limits.md` 3).
const COMPONENT_BYTES_MAX: u64 = 250 << 20;
/// How long a registry may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may say nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a registry's own words is told.
const REASON_CHARACTERS_MAX: usize = 300;

/// A client of one registry. Nothing is set up before something is asked for.
pub(crate) struct Client<'r> {
    registry: &'r str,
    connection: Option<Connection>,
}

struct Connection {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    client: oci_client::Client,
    credentials: RegistryAuth,
}

/// What is asked for.
struct Part {
    name: &'static str,
    /// How long it may take in all, with the tokens that it takes.
    timeout: Duration,
}

const MANIFEST: Part = Part { name: "the manifest", timeout: Duration::from_mins(1) };
const COMPONENT: Part = Part { name: "the component", timeout: Duration::from_mins(15) };

impl<'r> Client<'r> {
    pub(crate) fn of(registry: &'r str) -> Self {
        Self { registry, connection: None }
    }

    /// The digest of the manifest that a tag means now.
    pub(crate) fn digest(
        &mut self,
        reference: &RegistryReference,
    ) -> Result<String, RegistryError> {
        let image = image(reference);
        let digest = self.ask(&MANIFEST, reference, async |client, credentials| {
            client.fetch_manifest_digest(&image, credentials).await
        })?;
        if !stepwell_asl::is_sha256_digest(&digest) {
            return Err(self.failed(&format!("`{digest}` is no SHA-256 digest")));
        }
        Ok(digest)
    }

    /// A manifest, whose digest is the one in the reference.
    pub(crate) fn manifest(
        &mut self,
        reference: &RegistryReference,
    ) -> Result<Vec<u8>, RegistryError> {
        const TYPES: [&str; 4] = [
            OCI_IMAGE_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            // No component, which is better said than not found.
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
        ];
        let image = image(reference);
        let (bytes, _) = self.ask(&MANIFEST, reference, async |client, credentials| {
            client.pull_manifest_raw(&image, credentials, &TYPES).await
        })?;
        Ok(bytes.into())
    }

    /// Writes a layer, whose digest is the one in its descriptor, to a file.
    pub(crate) fn layer(
        &mut self,
        reference: &RegistryReference,
        layer: &OciDescriptor,
        file: &mut NamedTempFile,
    ) -> Result<(), RegistryError> {
        let size = layer.size.unsigned_abs();
        if size > COMPONENT_BYTES_MAX {
            let (reference, bytes_max) = (reference.to_string(), COMPONENT_BYTES_MAX);
            return Err(RegistryError::TooLarge { reference, bytes_max });
        }
        let image = image(reference);
        let mut out = Bounded { file, left: size, failure: None };
        let asked = self.ask(&COMPONENT, reference, async |client, _| {
            client.pull_blob(&image, layer, &mut out).await
        });
        match out.failure {
            Some(Failure::TooMuch) => {
                Err(self.failed(&format!("it sends more than the {size} bytes of its manifest")))
            }
            Some(Failure::Unwritable(error)) => {
                let path = file.path().parent().unwrap_or(file.path()).to_owned();
                Err(RegistryError::Cache { path, error })
            }
            None => asked,
        }
    }

    /// Waits for an answer.
    fn ask<T>(
        &mut self,
        part: &Part,
        reference: &RegistryReference,
        ask: impl AsyncFnOnce(&oci_client::Client, &RegistryAuth) -> Result<T, OciDistributionError>,
    ) -> Result<T, RegistryError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::to(self.registry)?),
        };
        let Connection { client, credentials, .. } = &*connection;
        let image = image(reference);
        let asking = async {
            // By ourselves: what it finds wrong when it gets a token on its way, the client does not tell.
            let token = client.auth(&image, credentials, RegistryOperation::Pull).await?;
            if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
                let message = "the token has characters that no token has".to_owned();
                return Err(OciDistributionError::RegistryTokenDecodeError(message));
            }
            ask(client, credentials).await
        };
        // A token that it gets on its way all the same and cannot use makes the client panic.
        let answer = catch_unwind(AssertUnwindSafe(|| {
            connection.block_on(async { tokio::time::timeout(part.timeout, asking).await })
        }));
        match answer {
            Ok(Ok(answer)) => answer.map_err(|error| self.error(part, reference, error)),
            Ok(Err(_)) => Err(self.timeout(part)),
            Err(_) => Err(self.failed("it cannot be understood")),
        }
    }

    fn error(
        &self,
        part: &Part,
        reference: &RegistryReference,
        error: OciDistributionError,
    ) -> RegistryError {
        let registry = self.registry.to_owned();
        let unauthorized = |reason: &str| RegistryError::Unauthorized {
            registry: registry.clone(),
            reference: reference.to_string(),
            reason: short(reason),
        };
        let not_found = || RegistryError::NotFound { reference: reference.to_string() };
        match error {
            OciDistributionError::RequestError(error)
                if error.is_timeout() && !error.is_connect() =>
            {
                self.timeout(&Part { name: part.name, timeout: READ_TIMEOUT })
            }
            OciDistributionError::RequestError(error) if error.is_body() || error.is_decode() => {
                self.failed(&innermost(&error))
            }
            OciDistributionError::RequestError(error) => {
                RegistryError::Unreachable { registry, reason: innermost(&error) }
            }
            OciDistributionError::DigestError(DigestError::VerificationError {
                expected,
                actual,
            }) => {
                let (reference, what) = (reference.to_string(), part.name);
                RegistryError::Digest { reference, what, expected, actual: short(&actual) }
            }
            OciDistributionError::AuthenticationFailure(reason) => unauthorized(&reason),
            OciDistributionError::UnauthorizedError { .. } => {
                unauthorized("it wants to know who asks")
            }
            OciDistributionError::ServerError { code: 401 | 403, message, .. } => {
                unauthorized(&message)
            }
            OciDistributionError::ServerError { code: 404, .. } => not_found(),
            OciDistributionError::ServerError { code, message, .. } => {
                self.failed(format!("HTTP status {code} {message}").trim())
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                let reasons: Vec<_> = envelope.errors.iter().map(|error| &*error.message).collect();
                let reason = reasons.join("; ");
                match envelope.errors.first().map(|error| &error.code) {
                    Some(
                        OciErrorCode::ManifestUnknown
                        | OciErrorCode::ManifestBlobUnknown
                        | OciErrorCode::BlobUnknown
                        | OciErrorCode::NameUnknown
                        | OciErrorCode::NotFound,
                    ) => not_found(),
                    Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => {
                        unauthorized(&reason)
                    }
                    _ => self.failed(&reason),
                }
            }
            error => self.failed(&error.to_string()),
        }
    }

    fn failed(&self, reason: &str) -> RegistryError {
        RegistryError::Failed { registry: self.registry.to_owned(), reason: short(reason) }
    }

    fn timeout(&self, part: &Part) -> RegistryError {
        let registry = self.registry.to_owned();
        RegistryError::Timeout { registry, what: part.name, seconds: part.timeout.as_secs() }
    }
}

impl Connection {
    fn to(registry: &str) -> Result<Self, RegistryError> {
        let failed = |error: &dyn Error| RegistryError::Client { reason: innermost(error) };
        // The first one counts, and all of ours are this one.
        _ = rustls::crypto::ring::default_provider().install_default();
        // As docker does it: what does not leave the machine needs no encryption.
        let local = loopback(registry);
        let protocol = match local {
            Some(_) => ClientProtocol::HttpsExcept(vec![registry.to_owned()]),
            None => ClientProtocol::Https,
        };
        let config = ClientConfig {
            protocol,
            // A proxy of our own, for nobody: the one of the environment would have it leave the machine.
            http_proxy: local.map(|_| format!("http://{registry}")),
            no_proxy: local.map(str::to_owned),
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!("stepwell/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = oci_client::Client::try_from(config).map_err(|error| failed(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        Ok(Self { runtime: Some(runtime), client, credentials: credentials::of(registry)? })
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("it is there until it is dropped").block_on(future)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A look-up of a name has no timeout of its own: nobody waits for it any longer.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The host of a registry on this machine, without its port.
fn loopback(registry: &str) -> Option<&str> {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => registry,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    (host == "localhost" || is_local).then_some(host)
}

fn image(reference: &RegistryReference) -> Reference {
    let (registry, name) = (reference.registry.clone(), reference.name.clone());
    match (&reference.tag, &reference.digest) {
        (_, Some(digest)) => Reference::with_digest(registry, name, digest.clone()),
        (Some(tag), None) => Reference::with_tag(registry, name, tag.clone()),
        (None, None) => unreachable!("references have a tag or a digest"),
    }
}

/// The cause of all the causes, which says most.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    short(&cause.to_string())
}

/// Anybody's words, as far as anybody reads them.
pub(crate) fn short(words: &str) -> String {
    let words = words.trim();
    match words.char_indices().nth(REASON_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words.to_owned(),
    }
}

/// A file that takes so many bytes and no more.
struct Bounded<'f> {
    file: &'f mut NamedTempFile,
    left: u64,
    failure: Option<Failure>,
}

/// Why no more was written.
enum Failure {
    TooMuch,
    Unwritable(io::Error),
}

impl AsyncWrite for Bounded<'_> {
    /// Blocks for as long as the disk does: nothing else is under way on this thread.
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let failure = match self.left.checked_sub(bytes.len() as u64) {
            None => Failure::TooMuch,
            Some(left) => match self.file.write_all(bytes) {
                Ok(()) => {
                    self.left = left;
                    return Poll::Ready(Ok(bytes.len()));
                }
                Err(error) => Failure::Unwritable(error),
            },
        };
        self.failure = Some(failure);
        Poll::Ready(Err(io::Error::other("the component cannot be written")))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
