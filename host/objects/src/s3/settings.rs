//! From the environment to a client's settings.

use std::error::Error;
use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::Config;
use aws_sdk_s3::config::{
    ProvideCredentials, RequestChecksumCalculation, ResponseChecksumValidation, RuntimeComponents,
    SharedHttpClient,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_types::service_config::ServiceConfigKey;

use crate::ObjectError;

/// How long a server may keep silent before it answers a request. Long, because completing a large
/// upload takes S3 minutes; a body that stalls is noticed by the SDK much earlier.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The region that third-party servers expect in signatures if they have no other.
const REGION_OF_ENDPOINTS: &str = "us-east-1";

/// The SDK's defaults as of this version; a newer one is taken on purpose only.
pub(super) fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Gathers the settings and makes sure that they suffice for a request.
pub(super) async fn load(loader: ConfigLoader) -> Result<Config, ObjectError> {
    let timeouts = aws_config::timeout::TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build();
    let shared = loader.http_client(http_client(true)).timeout_config(timeouts).load().await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared);
    if let Some(endpoint) = endpoint_of(&shared) {
        config = config
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if endpoint.starts_with("http://") {
            config = config.http_client(http_client(false));
        }
        if shared.region().is_none() {
            config = config.region(Region::from_static(REGION_OF_ENDPOINTS));
        }
    } else if shared.region().is_none() {
        return Err(ObjectError::InvalidRequest {
            message: "no AWS region is set: set `AWS_REGION`, or `region` in the profile"
                .to_owned(),
        });
    }
    check_credentials(&shared).await?;
    Ok(config.build())
}

/// Fails now, in words, rather than at the first request.
async fn check_credentials(config: &SdkConfig) -> Result<(), ObjectError> {
    const ADVICE: &str = "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`";
    let denied = |reason: String| ObjectError::AccessDenied {
        message: format!("no usable AWS credentials: {ADVICE}{reason}"),
    };
    let Some(provider) = config.credentials_provider() else {
        return Err(denied(String::new()));
    };
    match provider.provide_credentials().await {
        Ok(_credentials) => Ok(()),
        Err(error) => Err(denied(format!(" ({})", with_causes(&error)))),
    }
}

/// An error and its causes on one line, without the SDK's own notation of them.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("; ").replace("Attempted:; ", "attempted: ")
}

/// The endpoint that somebody set, for S3 or for all services.
fn endpoint_of(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all three fields are set");
    let for_s3 = config.service_config().and_then(|service| service.load_config(key));
    for_s3.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// TLS by rustls and ring, and the proxies of the environment. Without TLS the system's certificates
/// need not be loaded, which costs more than all else here.
fn http_client(with_tls: bool) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        if with_tls {
            connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
        } else {
            connector.build_http()
        }
    })
}
