//! Failures as a person reads them.

use serde_json::Value;

/// How something ended, with its error and its cause, as far as it has them.
///
/// The cause of a function's failure is its payload, which names the error once more in JSON; a person
/// reads the message that is in it.
pub(crate) fn ended(how: &str, error: Option<&str>, cause: Option<&str>) -> String {
    let message = cause.map(|cause| message_of(error, cause).unwrap_or_else(|| cause.to_owned()));
    let message = message.filter(|message| !message.is_empty());
    [Some(how), error, message.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The message in a function's payload, if the cause is one.
fn message_of(error: Option<&str>, cause: &str) -> Option<String> {
    let payload: Value = serde_json::from_str(cause).ok()?;
    (payload["errorType"].as_str() == error)
        .then(|| payload["errorMessage"].as_str())?
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_in_a_payload_is_the_cause() {
        let payload = r#"{"errorMessage":"no answer","errorType":"Source.Down"}"#;
        let told = ended("failed", Some("Source.Down"), Some(payload));
        assert_eq!(told, "failed: Source.Down: no answer");
    }

    #[test]
    fn other_causes_are_told_as_they_are() {
        let other = r#"{"errorMessage":"no answer","errorType":"Other"}"#;
        for cause in [other, "{", "7", "plain"] {
            let told = ended("failed", Some("Source.Down"), Some(cause));
            assert_eq!(told, format!("failed: Source.Down: {cause}"));
        }
        assert_eq!(ended("failed", None, Some("why")), "failed: why");
        assert_eq!(ended("was stopped", None, None), "was stopped");
        assert_eq!(ended("failed", Some("E"), Some("")), "failed: E");
    }
}
