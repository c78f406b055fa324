//! Which shared secrets are good enough (RFC 8725 section 3.5; JWT6).

/// Why a shared secret is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Shorter than the hash: 256 bits.
    #[error("the secret is too short: use at least 32 random bytes, such as 64 hexadecimal digits")]
    TooShort,
    /// One byte, or one short pattern, over and over.
    #[error("the secret repeats itself: use random bytes")]
    Repetitive,
    /// The text of a public or private key.
    #[error("the secret is the text of a key (PEM or JWK): an HMAC secret is random bytes")]
    KeyText,
    /// White space at an end, usually the newline of a file.
    #[error("the secret starts or ends with white space: remove the newline")]
    WhiteSpace,
    /// A secret that everybody knows.
    #[error("the secret is a well-known sample: make your own")]
    WellKnown,
}

/// Starts of secrets that stand in tutorials and default configurations.
const SAMPLES: [&str; 16] = [
    "your-256-bit-secret",
    "your-jwt-secret",
    "your-secret-key",
    "your_secret_key",
    "yoursecretkey",
    "mysecretkey",
    "my-secret-key",
    "my_secret_key",
    "supersecret",
    "super-secret",
    "super_secret",
    "changeme",
    "change-me",
    "a-string-secret-at-least-256-bits-long",
    "thisismysecret",
    "this_is_your_default",
];

pub(crate) fn check_secret(secret: &[u8]) -> Result<(), SecretError> {
    if secret.len() < 32 {
        return Err(SecretError::TooShort);
    }
    let white = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    if white(secret.first()) || white(secret.last()) {
        return Err(SecretError::WhiteSpace);
    }
    let repeats = |period: usize| {
        secret.iter().zip(secret.iter().skip(period)).all(|(a, b)| a == b)
    };
    if (1..=8).any(repeats) {
        return Err(SecretError::Repetitive);
    }
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    if text.contains("-----begin") || (text.starts_with('{') && text.contains("\"kty\"")) {
        return Err(SecretError::KeyText);
    }
    if SAMPLES.iter().any(|sample| text.starts_with(sample)) {
        return Err(SecretError::WellKnown);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, expected: Result<(), SecretError>) {
        assert_eq!(check_secret(secret.as_bytes()), expected, "{secret}");
    }

    #[test]
    fn jwt6_atk3_weak_secrets_are_refused() {
        check("6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2", Ok(()));
        check("6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a", Err(SecretError::TooShort));
        check("", Err(SecretError::TooShort));
        check(&"a".repeat(64), Err(SecretError::Repetitive));
        check(&"abcd".repeat(16), Err(SecretError::Repetitive));
        check("6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2\n", Err(SecretError::WhiteSpace));
        check("your-256-bit-secret-and-some-more-text", Err(SecretError::WellKnown));
        check("a-string-secret-at-least-256-bits-long", Err(SecretError::WellKnown));
        check("-----BEGIN PUBLIC KEY-----MIIBIjANBgkqhkiG9w0", Err(SecretError::KeyText));
        check(r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZpt","e":"AQAB"}"#, Err(SecretError::KeyText));
    }
}
