//! Registries on loopback: Debian's `docker-registry`, which `cargo xtask registry` installs, and ones that lie.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::WASM_CONFIG_MEDIA_TYPE;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use tempfile::TempDir;

/// Whom a registry with a lock lets in.
pub(crate) const USER: (&str, &str) = ("reader", "secret of the tests");
/// The same, as `htpasswd -B` writes it.
const HTPASSWD: &str = "reader:$2y$04$abcdefghijklmnopqrstuujUP6ta1DT2vWx6Sj5QCw3QFi1JCJYE2\n";

/// A registry in a process of its own, which ends with it.
pub(crate) struct RegistryServer {
    /// Its host and port.
    pub(crate) host: String,
    process: Child,
    auth: RegistryAuth,
    _folder: TempDir,
}

impl RegistryServer {
    /// Starts one that lets everybody in; `None` where there is no `docker-registry`, which is said.
    pub(crate) fn start() -> Option<Self> {
        Self::with(RegistryAuth::Anonymous, |_| String::new())
    }

    /// Starts one that lets [`USER`] in.
    pub(crate) fn with_password() -> Option<Self> {
        Self::with(RegistryAuth::Basic(USER.0.into(), USER.1.into()), |folder| {
            let users = folder.join("htpasswd");
            fs::write(&users, HTPASSWD).unwrap();
            format!("auth:\n  htpasswd:\n    realm: tests\n    path: {}\n", users.display())
        })
    }

    fn with(auth: RegistryAuth, settings: impl Fn(&Path) -> String) -> Option<Self> {
        let program = program()?;
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let host = format!("127.0.0.1:{port}");
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {host}\n{}",
            data.display(),
            settings(folder.path())
        );
        let config = folder.path().join("config.yml");
        fs::write(&config, text).unwrap();
        let process = Command::new(program)
            .arg("serve")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { host, process, auth, _folder: folder };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            thread::yield_now();
        }
        Some(server)
    }

    /// Pushes files under a name and a tag, as layers of a type.
    pub(crate) fn push_as(&self, media_type: &str, name: &str, files: &[&str]) {
        // The first one counts.
        _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let protocol = ClientProtocol::Http;
        let client = Client::try_from(ClientConfig { protocol, ..ClientConfig::default() });
        let client = client.unwrap();
        let image: Reference = format!("{}/{name}", self.host).parse().unwrap();
        let layers: Vec<_> = files
            .iter()
            .map(|file| ImageLayer::new(fs::read(file).unwrap(), media_type.to_owned(), None))
            .collect();
        let config = Config::new("{}", WASM_CONFIG_MEDIA_TYPE.to_owned(), None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pushed = client.push(&image, &layers, config, &self.auth, None);
        runtime.block_on(pushed).unwrap();
    }

    /// Pushes a component, as `wkg oci push` does.
    pub(crate) fn push(&self, name: &str, file: &str) {
        self.push_as("application/wasm", name, &[file]);
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Where `docker-registry` is.
fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = root.join("guest-tasks/target/registry/usr/bin/docker-registry");
    if installed.exists() {
        return Some(installed);
    }
    let found = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("docker-registry"))
            .find(|program| program.exists())
    });
    if found.is_none() {
        let missing = "there is no `docker-registry`; `cargo xtask registry` installs it";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        println!("skipped: {missing}");
    }
    found
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The host of a registry that is down.
pub(crate) fn registry_that_is_down() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// A registry that answers each request, `GET /v2/...`, with whatever this writes. Gives its host.
pub(crate) fn registry_that(answers: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = request.next() else { continue };
            while request.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let asked = first.trim_end_matches(" HTTP/1.1");
            answers(asked, &mut stream);
        }
    });
    host
}

/// One answer, after which the connection ends.
pub(crate) fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    // Whoever has heard enough hangs up.
    _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
