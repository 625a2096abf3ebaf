//! Functions that encode texts and digest them.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Digest as _;
use serde_json::Value;
use sha2::Digest as _;

use super::texts::text;
use super::{Budget, Trouble};

/// How long a text to encode, to decode or to digest may be: the limit of AWS.
const CHARACTERS_MAX: usize = 10_000;

/// Padding is written, and need not be there to be read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `States.Base64Encode`.
pub(super) fn base64_encode(budget: &mut Budget, data: &Value) -> Result<Value, Trouble> {
    let data = short(text(data)?)?;
    budget.text(BASE64.encode(data))
}

/// `States.Base64Decode`. Line breaks are passed over, as MIME does.
pub(super) fn base64_decode(budget: &mut Budget, data: &Value) -> Result<Value, Trouble> {
    let data = short(text(data)?)?;
    let data: String = data.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(data).map_err(|_| "the text is not Base64")?;
    let decoded = String::from_utf8(bytes).map_err(|_| "what the text encodes is not UTF-8")?;
    budget.text(decoded)
}

/// `States.Hash`.
pub(super) fn hash(budget: &mut Budget, data: &Value, algorithm: &Value) -> Result<Value, Trouble> {
    let data = match data {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => {
            budget.take_json(other)?;
            Cow::Owned(other.to_string())
        }
    };
    let data = short(&data)?;
    budget.text(digest(data, text(algorithm)?)?)
}

/// The digest of a text in lowercase hexadecimal digits.
pub(crate) fn digest(data: &str, algorithm: &str) -> Result<String, &'static str> {
    Ok(match algorithm {
        "MD5" => hexadecimal(&md5::Md5::digest(data)),
        "SHA-1" => hexadecimal(&sha1::Sha1::digest(data)),
        "SHA-256" => hexadecimal(&sha2::Sha256::digest(data)),
        "SHA-384" => hexadecimal(&sha2::Sha384::digest(data)),
        "SHA-512" => hexadecimal(&sha2::Sha512::digest(data)),
        _ => return Err("the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512"),
    })
}

fn short(text: &str) -> Result<&str, Trouble> {
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        return Err(format!("the text is longer than {CHARACTERS_MAX} characters").into());
    }
    Ok(text)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}
