//! Components from registries: fetched once, locked, kept for a time without them, and never taken for what
//! they are not.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    Cli, REGISTRY_USER, RegistryServer, answer, guest, machine_of, registry_that,
    registry_that_is_down,
};

const LOCK: &str = "stepwell.lock";

/// `stepwell COMMAND workflow.yaml`, where the file has a function that is this component, in an empty cache.
fn with_component(reference: &str, command: &str) -> Cli {
    let cli = Cli::new();
    let cache = cli.path("cache");
    cli.file("workflow.yaml", machine_of(&format!("    component: {reference}\n")))
        .env("STEPWELL_CACHE", cache)
        .args([command, "workflow.yaml"])
}

/// Another command in the same folder.
fn next(cli: Cli, arguments: &[&str]) -> Cli {
    let cache = cli.path("cache");
    cli.env("STEPWELL_CACHE", cache).args(arguments.iter().copied())
}

fn lock_of(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(LOCK)).unwrap()).unwrap()
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// The file of the one component that was fetched: it is larger than its manifest.
fn kept_component(cli: &Cli) -> std::path::PathBuf {
    let kept = std::fs::read_dir(cli.path("cache/registry/sha256")).unwrap();
    kept.map(|entry| entry.unwrap().path())
        .max_by_key(|path| std::fs::metadata(path).unwrap().len())
        .unwrap()
}

#[test]
fn a_component_is_fetched_once_and_locked_and_then_runs_without_the_registry() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let name = format!("{}/acme/echo:1.0", server.host);
    let ran = with_component(&format!("oci://{name}"), "run").input(r#"{"n":1}"#).run().succeeds();
    let ran =
        ran.prints(r#"{"n":1}"#).says(["look up  oci://", "fetch  oci://", "fetched  oci://"]);
    let cli = ran.again();
    let lock = lock_of(&cli.path(""));
    assert_eq!(lock["version"], 1);
    let digest = lock["components"][&name].as_str().unwrap().to_owned();
    assert!(digest.starts_with("sha256:"), "{lock}");
    drop(server);
    let run = ["run", "workflow.yaml", "--input", r#"{"n":2}"#];
    let ran = next(cli, &run).run().succeeds().prints(r#"{"n":2}"#);
    let ran = ran.does_not_say(["look up", "fetch", "damaged"]);
    let ran = next(ran.again(), &[&run[..], &["--locked"]].concat()).run().succeeds();
    // By its digest it needs no lock file.
    let text = machine_of(&format!("    component: oci://{name}@{digest}\n"));
    let cli = ran.again().file("workflow.yaml", text);
    std::fs::remove_file(cli.path(LOCK)).unwrap();
    let ran = next(cli, &[&run[..], &["--locked"]].concat()).run().succeeds();
    assert!(!ran.again().path(LOCK).exists());
}

#[test]
fn a_tag_that_moves_does_not_move_what_is_locked() {
    let Some(server) = RegistryServer::start() else { return };
    let reference = format!("oci://{}/acme/task:latest", server.host);
    let told = |ran: crate::support::Ran| {
        let built = ran.succeeds();
        let told: Value = serde_json::from_str(&built.stdout).unwrap();
        (built.again(), told[0].clone())
    };
    server.push("acme/task:latest", &guest("echo"));
    let (cli, first) = told(with_component(&reference, "build").arg("--json").run());
    assert_eq!(first["fetchedAnew"], true);
    assert!(first["reference"].as_str().unwrap().starts_with(&format!("{reference}@sha256:")));
    server.push("acme/task:latest", &guest("kernel"));
    let (cli, second) = told(next(cli, &["build", "workflow.yaml", "--json"]).run());
    assert_eq!(second["reference"], first["reference"]);
    assert_eq!(second["fetchedAnew"], false);
    let again = ["build", "workflow.yaml", "--json", "--again"];
    let (cli, third) = told(next(cli, &again).run());
    assert_ne!(third["reference"], first["reference"]);
    assert_eq!(third["sizeBytes"], std::fs::metadata(guest("kernel")).unwrap().len());
    let locked = lock_of(&cli.path(""));
    let (_, digest) = third["reference"].as_str().unwrap().split_once('@').unwrap();
    assert_eq!(locked["components"].as_object().unwrap().values().next().unwrap(), digest);
    next(cli, &[&again[..], &["--locked"]].concat()).run().exits(2).says(["cannot be used with"]);
}

#[test]
fn only_what_is_locked_is_taken_if_that_is_said() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let reference = format!("oci://{}/acme/echo:1.0", server.host);
    for command in ["run", "build", "invoke"] {
        let ran = with_component(&reference, command).arg("--locked").run().exits(2);
        let ran =
            ran.prints_nothing().says(["is not in `", "stepwell.lock`", "without `--locked`"]);
        assert!(!ran.again().path(LOCK).exists());
    }
}

#[test]
fn what_others_locked_stays_in_the_lock_file() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let name = format!("{}/acme/echo:1.0", server.host);
    let other = digest_of(b"another");
    let lock = json!({ "version": 1, "components": { "ghcr.io/acme/other:2": other } });
    let cli = with_component(&format!("oci://{name}"), "run").file(LOCK, lock.to_string());
    let cli = cli.run().succeeds().again();
    let lock = lock_of(&cli.path(""));
    assert_eq!(lock["components"]["ghcr.io/acme/other:2"], other);
    assert!(lock["components"][&name].is_string());
}

#[test]
fn a_lock_file_that_is_none_is_refused_and_left_alone() {
    let down = registry_that_is_down();
    let digest = digest_of(b"");
    let newer = r#"{"version":2,"components":{}}"#.to_owned();
    let unknown = r#"{"version":1,"components":{},"more":1}"#.to_owned();
    let name = format!(r#"{{"version":1,"components":{{"Not A Name":"{digest}"}}}}"#);
    for (text, what) in [
        ("not JSON".to_owned(), "expected ident"),
        (newer, "it is of version 2, and known is 1"),
        (unknown, "unknown field `more`"),
        (r#"{"version":1,"components":{"h/a:1":"sha256:12"}}"#.to_owned(), "is no digest"),
        (name, "is no reference"),
    ] {
        let cli = with_component(&format!("oci://{down}/acme/echo:1.0"), "run").file(LOCK, &text);
        let ran = cli.run().exits(2).says(["stepwell.lock` is no lock file", what]);
        assert_eq!(std::fs::read_to_string(ran.again().path(LOCK)).unwrap(), text);
    }
}

#[test]
fn inspect_shows_where_a_component_comes_from() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let reference = format!("oci://{}/acme/echo:1.0", server.host);
    let sha256 = digest_of(&std::fs::read(guest("echo")).unwrap());
    let cli = Cli::new();
    let cache = cli.path("cache");
    let cli = cli.env("STEPWELL_CACHE", cache);
    let ran = cli.args(["inspect", &reference]).run().succeeds();
    for line in [
        format!("{reference}: a component of "),
        format!("\nreference:  {reference}@sha256:"),
        format!("\nsha256:  {}\n", sha256.trim_start_matches("sha256:")),
        "\nprocessed-by:  ".to_owned(),
    ] {
        assert!(ran.stdout.contains(&line), "no `{line}` in:\n{}", ran.stdout);
    }
    let ran = next(ran.again(), &["inspect", &reference, "--json"]).run().succeeds();
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(told["reference"].as_str().unwrap().starts_with(&format!("{reference}@sha256:")));
    assert!(told["file"].as_str().unwrap().contains("/cache/registry/sha256/"));
    assert!(!ran.again().path(LOCK).exists());
}

#[test]
fn a_component_in_a_registry_is_invoked_without_a_workflow_file() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let reference = format!("oci://{}/acme/echo:1.0", server.host);
    let cli = Cli::new().args(["invoke", &reference, "--event", r#"{"n":1}"#]);
    let cache = cli.path("cache");
    let ran = cli.env("STEPWELL_CACHE", cache).run().succeeds().prints(r#"{"n":1}"#);
    assert!(!ran.again().path(LOCK).exists());
}

#[test]
fn what_is_damaged_is_fetched_once_more() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let run = ["run", "workflow.yaml", "--input", r#"{"n":1}"#];
    let ran = with_component(&format!("oci://{}/acme/echo:1.0", server.host), "run").run();
    let mut cli = ran.succeeds().again();
    // No WebAssembly, half of it, and another task.
    let whole = std::fs::read(guest("echo")).unwrap();
    for damage in [b"damage".to_vec(), whole[..whole.len() / 2].to_vec(), {
        std::fs::read(guest("kernel")).unwrap()
    }] {
        std::fs::write(kept_component(&cli), damage).unwrap();
        let ran = next(cli, &run).run().succeeds().prints(r#"{"n":1}"#);
        cli = ran.says(["` is damaged\n", "fetch  oci://"]).again();
    }
    let ran = next(cli, &run).run().succeeds().does_not_say(["damaged"]);
    drop(server);
    let cli = ran.again();
    std::fs::write(kept_component(&cli), "damage").unwrap();
    next(cli, &run).run().exits(3).says(["` is damaged\n", "cannot reach the registry"]);
}

#[test]
fn what_is_no_component_is_refused_at_its_place() {
    let Some(server) = RegistryServer::start() else { return };
    let (echo, kernel) = (guest("echo"), guest("kernel"));
    server.push_as("application/wasm", "acme/two:1", &[&echo, &kernel]);
    server.push_as("application/vnd.oci.image.layer.v1.tar+gzip", "acme/image:1", &[&echo]);
    let text = Cli::new().file("text", "no component");
    server.push("acme/text:1", text.path("text").to_str().unwrap());
    for (name, what) in [
        ("acme/two:1", "is no component: it has 2 layers: `application/wasm`, `application/wasm`"),
        ("acme/image:1", "its layer is of the type `application/vnd.oci.image.layer.v1.tar+gzip`"),
        ("acme/text:1", "is no task: not a WebAssembly file"),
        ("acme/two:2", "the registry has no `oci://"),
        ("acme/nothing:1", "the registry has no `oci://"),
    ] {
        let ran = with_component(&format!("oci://{}/{name}", server.host), "run").run().exits(2);
        let ran = ran.prints_nothing().says(["--> workflow.yaml:3:16", what]);
        // What is another thing tomorrow is not locked; that it is no task is seen only later.
        assert_eq!(ran.again().path(LOCK).exists(), name == "acme/text:1", "{name}");
    }
}

#[test]
fn a_registry_that_is_down_is_told() {
    let down = registry_that_is_down();
    for command in ["run", "build", "invoke"] {
        let ran = with_component(&format!("oci://{down}/acme/echo:1.0"), command).run().exits(3);
        ran.prints_nothing().says([
            &format!("function `task`: cannot reach the registry `{down}`: Connection refused"),
            "help: what was fetched before is used without asking",
        ]);
    }
    let nowhere = format!("oci://{down}/acme/echo:1.0");
    let ran = Cli::new().args(["inspect", &nowhere]).run().exits(3);
    ran.says([&format!("cannot reach the registry `{down}`")]);
}

#[test]
fn a_registry_that_wants_a_password_gets_dockers() {
    let Some(server) = RegistryServer::with_password() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let reference = format!("oci://{}/acme/echo:1.0", server.host);
    let with = |user: (&str, &str)| {
        let config =
            json!({ "auths": { &server.host: { "username": user.0, "password": user.1 } } });
        let cli = with_component(&reference, "run").file("docker/config.json", config.to_string());
        let folder = cli.path("docker");
        cli.env("DOCKER_CONFIG", folder)
    };
    let help = format!("log in with `docker login {}`", server.host);
    let refused = format!("the registry `{}` does not let us have `{reference}`", server.host);
    let ran = with_component(&reference, "run").run().exits(3).says([&refused, &help]);
    assert!(!ran.again().path(LOCK).exists());
    with((REGISTRY_USER.0, "wrong")).run().exits(3).says([&refused]);
    with(REGISTRY_USER).run().succeeds();
}

#[test]
fn a_helper_that_knows_no_credentials_is_no_reason_to_stop() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let reference = format!("oci://{}/acme/echo:1.0", server.host);
    let with = |says: &str| {
        let cli = with_component(&reference, "run")
            .file("docker/config.json", r#"{"credsStore":"tests"}"#)
            .file(
                "docker/docker-credential-tests",
                format!("#!/bin/sh\ncat >&2\necho '{says}'\nexit 1\n"),
            );
        let folder = cli.path("docker");
        let helper = folder.join("docker-credential-tests");
        std::fs::set_permissions(helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        cli.env("DOCKER_CONFIG", folder).env("PATH", path).run()
    };
    with("credentials not found in native keychain").succeeds();
    let told =
        [&*format!("cannot get the credentials for the registry `{}`", server.host), "locked up"];
    with("the keychain is locked up").exits(3).says(told);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_for_this_machine() {
    let Some(server) = RegistryServer::start() else { return };
    server.push("acme/echo:1.0", &guest("echo"));
    let reference = format!("oci://{}/acme/echo:1.0", server.host);
    let proxy = format!("http://{}", registry_that_is_down());
    let cli = with_component(&reference, "run").env("HTTP_PROXY", &proxy);
    cli.env("http_proxy", proxy).run().succeeds();
}

/// A registry that sends everybody to itself for a token, and gives its layer to nobody without it.
fn with_tokens(token_status: &'static str, token: &'static str) -> crate::support::Ran {
    let echo = std::fs::read(guest("echo")).unwrap();
    let manifest = manifest(&digest_of(&echo), echo.len() as u64);
    let host = registry_that(move |asked, stream| {
        let host = stream.local_addr().unwrap();
        if asked.contains("/token?") {
            answer(stream, token_status, "", format!(r#"{{"token":"{token}"}}"#).as_bytes());
        } else if asked.ends_with("/v2/") {
            let realm = format!(
                "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"tests\"\r\n"
            );
            answer(stream, "401 Unauthorized", &realm, b"");
        } else if asked.contains("/blobs/") {
            answer(stream, "200 OK", "", &echo);
        } else {
            let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
            let digest = format!("Docker-Content-Digest: {}\r\n", digest_of(&manifest));
            let body = if asked.starts_with("GET") { &manifest[..] } else { b"" };
            answer(stream, "200 OK", &format!("{kind}{digest}"), body);
        }
    });
    with_component(&format!("oci://{host}/acme/echo:1"), "run").run()
}

#[test]
fn what_goes_wrong_with_a_token_is_told() {
    with_tokens("200 OK", "good").succeeds();
    with_tokens("403 Forbidden", "no").exits(3).says(["does not let us have", r#"{"token":"no"}"#]);
    let odd = with_tokens("200 OK", "a\\nb").exits(3);
    odd.says(["answered with an error: ", "the token has characters that no token has"]);
}

/// A manifest of one layer.
fn manifest(digest: &str, size: u64) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json", "digest": digest_of(b"{}"), "size": 2,
        },
        "layers": [{ "mediaType": "application/wasm", "digest": digest, "size": size }],
    })
    .to_string()
    .into_bytes()
}

/// What a run says of a registry whose manifests are all this one, and whose layers are what this writes.
fn lied_to(
    manifest: Vec<u8>,
    layer: impl Fn(&mut TcpStream) + Send + 'static,
) -> crate::support::Ran {
    let digest = digest_of(&manifest);
    let host = registry_that(move |asked, stream| {
        if asked.contains("/blobs/") {
            layer(stream);
        } else {
            let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
            let body = if asked.starts_with("GET") { &manifest[..] } else { b"" };
            answer(stream, "200 OK", &format!("{kind}Docker-Content-Digest: {digest}\r\n"), body);
        }
    });
    let ran = with_component(&format!("oci://{host}/acme/task:1"), "run").run();
    let cli = ran.again();
    let kept = std::fs::read_dir(cli.path("cache/registry")).map_or(0, Iterator::count);
    // The folder of digests, and no half of anything.
    assert!(kept <= 1, "{kept} entries are kept");
    next(cli, &["run", "workflow.yaml"]).run()
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_refused() {
    let echo = std::fs::read(guest("echo")).unwrap();
    let mut tampered = echo.clone();
    tampered[100] ^= 1;
    let right = manifest(&digest_of(&echo), echo.len() as u64);
    let told = digest_of(&tampered);
    lied_to(right, move |stream| answer(stream, "200 OK", "", &tampered)).exits(2).says([
        "what the registry has sent for the component of `oci://",
        &format!("has the digest `{told}` and not `{}`", digest_of(&echo)),
        "help: do not trust it",
    ]);
}

#[test]
fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let other = manifest(&digest_of(b"x"), 1);
    let digest = digest_of(&other);
    let host = registry_that(move |_, stream| {
        let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
        answer(stream, "200 OK", kind, &other);
    });
    let wanted = digest_of(b"wanted");
    let reference = format!("oci://{host}/acme/task@{wanted}");
    with_component(&reference, "run").run().exits(2).prints_nothing().says([
        "what the registry has sent for the manifest of `oci://",
        &format!("has the digest `{digest}` and not `{wanted}`"),
    ]);
}

#[test]
fn a_layer_without_an_end_ends_where_its_manifest_says() {
    let endless = |stream: &mut TcpStream| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let mut sent = stream.write_all(head.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(&[0; 1 << 14]);
        }
    };
    lied_to(manifest(&digest_of(b"x"), 100_000), endless)
        .exits(3)
        .says(["answered with an error: it sends more than the 100000 bytes of its manifest"]);
}

#[test]
fn a_layer_that_is_cut_short_is_refused() {
    let cut = |stream: &mut TcpStream| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nhalf";
        stream.write_all(head.as_bytes()).unwrap();
    };
    lied_to(manifest(&digest_of(b"x"), 1000), cut).exits(3).says(["answered with an error: "]);
}

#[test]
fn what_is_larger_than_lambda_takes_is_not_even_fetched() {
    let digest = digest_of(b"x");
    for size in [(250 << 20) + 1, u64::MAX >> 1] {
        let unasked = |_: &mut TcpStream| panic!("the layer was asked for");
        lied_to(manifest(&digest, size), unasked).exits(2).says(["is larger than 262144000 bytes"]);
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let index = json!({ "schemaVersion": 2, "manifests": [] }).to_string().into_bytes();
    let odd = manifest("sha512:12", 1);
    let outside = manifest("sha256:../../../../../../etc/passwd", 1);
    for (manifest, what) in [
        (index, "it is an index of several images"),
        (b"no JSON".to_vec(), "its manifest is none of the OCI image specification"),
        (odd, "`sha512:12` is no SHA-256 digest"),
        (outside, "`sha256:../../../../../../etc/passwd` is no SHA-256 digest"),
    ] {
        let ran = lied_to(manifest, |stream| answer(stream, "200 OK", "", b"x")).exits(2);
        ran.says(["is no component: ", what]);
    }
}

#[test]
fn a_registry_that_fails_is_told_in_its_words_but_not_in_all_of_them() {
    let long = "\u{1b}[31mtoo much ".repeat(1_000);
    let host = registry_that(move |_, stream| {
        answer(stream, "500 Internal Server Error", "", long.as_bytes());
    });
    let reference = format!("oci://{host}/acme/task@{}", digest_of(b"x"));
    let ran = with_component(&reference, "run").run().exits(3);
    let ran = ran.says(["answered with an error: HTTP status 500 \\u{1b}[31mtoo much"]);
    assert!(ran.stderr.len() < 2_000, "{}", ran.stderr);
}
