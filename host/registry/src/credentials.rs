//! Who asks: what `docker login` has left, in `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`.

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;

use crate::RegistryError;

/// The host of images without one, and the name under which its credentials are kept.
const DOCKER_HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// The credentials for a registry; without any, whatever it shows everybody.
pub(crate) fn of(registry: &str) -> Result<RegistryAuth, RegistryError> {
    let server = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
    let reason = match docker_credential::get_credential(server) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            return Ok(RegistryAuth::Basic(user, password));
        }
        Ok(DockerCredential::IdentityToken(_)) => {
            "they are an identity token, which is not supported; log in with a name and a password or \
             access token"
                .to_owned()
        }
        // An `config.json` that cannot be read says no more than none: docker itself warns and goes on.
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError,
        ) => return Ok(RegistryAuth::Anonymous),
        // What helpers say of a registry that they have never heard of, and end with an error.
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr].iter().any(|said| said.contains("credentials not found")) =>
        {
            return Ok(RegistryAuth::Anonymous);
        }
        Err(error) => error.to_string().trim_end().to_owned(),
    };
    Err(RegistryError::Credentials { registry: registry.to_owned(), reason })
}
