//! Which shared secrets are good enough (RFC 8725 section 3.5; JWT6, ATK2, ATK3).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::{Map, Value};

/// The bytes of a secret that both sides know: wiped when dropped, never shown.
///
/// Made from text or bytes by `into()`; text is used as its raw bytes, hexadecimal or base64 is
/// not decoded. It is checked when a verifier or a minter is made from it.
///
/// ```
/// use sandbar_auth::{SharedSecret, Verifier};
/// use secrecy::SecretString;
///
/// let text = SecretString::from("9b1f6d0e4c7a2358e1d4b7f0a3c65982");
/// let secret = SharedSecret::from(&text);
/// assert!(!format!("{secret:?}").contains("9b1f"));
/// let verifier = Verifier::hs256(secret)?;
/// # Ok::<(), sandbar_auth::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedSecret(SecretSlice<u8>);

/// Why a shared secret is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Shorter than the hash: 256 bits, 384 for HS384, 512 for HS512.
    #[error(
        "the secret is too short: use at least 32 random bytes, such as 64 hexadecimal digits (48 for HS384, 64 for HS512)"
    )]
    TooShort,
    /// A short pattern over and over, a sequence, or only a few different bytes.
    #[error("the secret repeats itself: use random bytes")]
    Repetitive,
    /// A public or private key: PEM, DER, JWK or OpenSSH.
    #[error("the secret is a key for another algorithm (PEM, DER, JWK): use random bytes")]
    KeyText,
    /// White space at an end, usually the newline of a file.
    #[error("the secret starts or ends with white space: remove it, often the newline of a file")]
    WhiteSpace,
    /// A secret that everybody knows.
    #[error("the secret is a well-known sample: make your own from random bytes")]
    WellKnown,
}

impl SharedSecret {
    /// The bytes, once they are found good enough; there are at least so many.
    pub(crate) fn checked(&self, least: usize) -> Result<&[u8], SecretError> {
        let secret = self.0.expose_secret();
        check(secret, least).map(|()| secret)
    }
}

impl From<&[u8]> for SharedSecret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec().into())
    }
}

impl<const N: usize> From<&[u8; N]> for SharedSecret {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<Vec<u8>> for SharedSecret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for SharedSecret {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<String> for SharedSecret {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&SecretString> for SharedSecret {
    fn from(text: &SecretString) -> Self {
        Self::from(text.expose_secret())
    }
}

impl From<SecretString> for SharedSecret {
    fn from(text: SecretString) -> Self {
        Self::from(&text)
    }
}

impl From<SecretSlice<u8>> for SharedSecret {
    fn from(bytes: SecretSlice<u8>) -> Self {
        Self(bytes)
    }
}

const MIN_BYTES: usize = 32;
const MIN_DIFFERENT: usize = 8;

/// Starts of secrets that stand in tutorials, documentation and default configurations, in lower
/// case without hyphens, underscores, dots and spaces; in the order of their bytes. Some are such
/// words in base64, and one is that of a token.
const SAMPLES: [&str; 112] = [
    "0011223344",
    "0123456789",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "0f987876650b4a085e64594fae9219e7781b17506bec02489ad061fba8cb22db",
    "1234567890",
    "1q2w3e4r",
    "1qaz2wsx",
    "37c304f851aa419aa1af06154e63707a",
    "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
    "3ek6fd+o0+c7tzbnvfjpmkndi2yaraakzqlk8o2ikoxqu4nf7edah8s3twphwrdwt6r",
    "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
    "413f4428472b4b6250655368566d597033733676397924",
    "482b4d6251655468576d5a7134743777217a25432a462d4a",
    "5367566b59703373367639792f423f4528482b4d6251655468",
    "6116487bcda152c2b5b5c8022c45e263",
    "==========",
    "a1c0952f3ff361f1e7dd8433a0a50689a004317a198ecb0a67ba90c73c27a958",
    "abc123",
    "abcdefghij",
    "accesstoken",
    "apisecret",
    "appsecret",
    "asecretkey",
    "asecretthatis",
    "astringsecretatleast256bitslong",
    "authsecret",
    "avalidstringsecret",
    "averylong",
    "averysecret",
    "aym1sysppbydfgzld3umj1qzkobwvmkoq",
    "bezkoder",
    "bxlzzwnyzx",
    "byym000ollmqg6vvvp1oh7xzyr",
    "c2vjcmv0",
    "changeit",
    "changeme",
    "changethis",
    "changeyour",
    "correcthorsebattery",
    "defaultsecret",
    "developmentsecret",
    "devsecret",
    "dghpc2lz",
    "djangoinsecure",
    "donotuse",
    "dontuse",
    "examplesecret",
    "eyjhbgcioij",
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjgonbc6mxccyg",
    "iloveyou",
    "insecure",
    "jsonwebtoken",
    "jwtauthentication",
    "jwtkey",
    "jwtrefresh",
    "jwtsecret",
    "jwttoken",
    "keyboardcat",
    "letmein",
    "loremipsum",
    "metabasesecret",
    "myjwtsecret",
    "mykey",
    "mylong",
    "mysecret",
    "mysuper",
    "myvery",
    "nextauthsecret",
    "notasecret",
    "notsecret",
    "notsosecret",
    "password",
    "placeholder",
    "pleasechange",
    "qwertyuiop",
    "randomsecret",
    "reallyreally",
    "refreshtoken",
    "replaceme",
    "replacethis",
    "replacewith",
    "replaceyour",
    "samplesecret",
    "secret123",
    "secretjwt",
    "secretkey",
    "secretpassword",
    "secretstring",
    "shhh",
    "somerandom",
    "somesecret",
    "somevery",
    "supersecret",
    "supersecure",
    "superstrong",
    "testkey",
    "testnondevsecret",
    "testsecret",
    "thequickbrownfox",
    "thesecret",
    "thisis",
    "thiskey",
    "thissecret",
    "thistoken",
    "tobechanged",
    "tobemodified",
    "topsecret",
    "verylong",
    "verysecret",
    "veryvery",
    "yh2k7qsu4l8czg5p6x3pna9l0miy4d3bvt0jvr87ucoj69kq",
    "your",
];

fn check(secret: &[u8], least: usize) -> Result<(), SecretError> {
    if secret.len() < least {
        return Err(SecretError::TooShort);
    }
    let text = std::str::from_utf8(secret).ok();
    // Random bytes may well start or end with a byte that is white space in text.
    if text.is_some_and(|text| text.trim_matches(blank) != text) {
        return Err(SecretError::WhiteSpace);
    }
    if repetitive(secret) {
        return Err(SecretError::Repetitive);
    }
    if is_key(secret, text) {
        return Err(SecretError::KeyText);
    }
    let plain = |c: &char| !matches!(c, '-' | '_' | '.' | ' ');
    let folded: String =
        text.unwrap_or_default().chars().filter(plain).map(|c| c.to_ascii_lowercase()).collect();
    if SAMPLES.iter().any(|sample| folded.starts_with(sample)) {
        return Err(SecretError::WellKnown);
    }
    Ok(())
}

fn blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Less than 256 bits however long: a pattern repeated, a sequence, or very few different bytes.
fn repetitive(secret: &[u8]) -> bool {
    let repeats =
        |period: usize| secret.iter().zip(secret.iter().skip(period)).all(|(a, b)| a == b);
    let mut steps = secret.iter().zip(secret.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
    let first = steps.next();
    (1..MIN_BYTES).take_while(|period| period * 2 <= secret.len()).any(repeats)
        || steps.all(|step| Some(step) == first)
        || secret.iter().collect::<BTreeSet<_>>().len() < MIN_DIFFERENT
}

/// A key that is public, or meant for another algorithm, in the shapes in which keys are passed on.
fn is_key(secret: &[u8], text: Option<&str>) -> bool {
    let lossy = String::from_utf8_lossy(secret).to_ascii_lowercase();
    let openssh = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    let pem = lossy.contains("-----begin") || lossy.contains("---- begin");
    let json = text.is_some_and(|text| serde_json::from_str::<Map<String, Value>>(text).is_ok());
    let body: Vec<u8> = secret.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let armored = STANDARD.decode(body).is_ok_and(|bytes| der_key(&bytes));
    pem || json
        || openssh.iter().any(|start| lossy.starts_with(start))
        || armored
        || der_key(secret)
}

/// A DER sequence over the whole input that starts with a sequence or an integer: public keys,
/// private keys and certificates do.
fn der_key(bytes: &[u8]) -> bool {
    let (length, rest) = match bytes {
        [0x30, length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x30, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x30, 0x82, high, low, rest @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return false,
    };
    length == rest.len() && matches!(rest.first(), Some(0x30 | 0x02))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2";

    #[track_caller]
    fn check(secret: impl AsRef<[u8]>, expected: Result<(), SecretError>) {
        let secret = secret.as_ref();
        let found = SharedSecret::from(secret).checked(MIN_BYTES).map(|_| ());
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(secret));
    }

    #[test]
    fn jwt6_the_length_is_that_of_the_hash() {
        check(GOOD, Ok(()));
        check(GOOD.repeat(2), Ok(()));
        check("6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a", Err(SecretError::TooShort));
        check("", Err(SecretError::TooShort));
        check("secret", Err(SecretError::TooShort));
    }

    #[test]
    fn jwt6_atk3_repetition_is_not_length() {
        for secret in [
            "a".repeat(64),
            "abcd".repeat(16),
            "secret".repeat(8),
            "1234567890".repeat(4),
            "6d1f0c8b7a9e4d23".repeat(4),
            "0101101001011010110100101011010010110101".to_owned(),
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdef".to_owned(),
            format!("secret{}", "0".repeat(40)),
        ] {
            check(secret, Err(SecretError::Repetitive));
        }
        check([0_u8; 32], Err(SecretError::Repetitive));
        check((0..32).collect::<Vec<u8>>(), Err(SecretError::Repetitive));
        check((0..32).rev().collect::<Vec<u8>>(), Err(SecretError::Repetitive));
    }

    #[test]
    fn jwt6_atk3_white_space_at_the_ends_of_text() {
        for secret in [
            format!("{GOOD}\n"),
            format!("{GOOD}\r\n"),
            format!(" {GOOD}"),
            format!("\t{GOOD}"),
            format!("{GOOD}\u{a0}"),
            format!("\u{feff}{GOOD}"),
        ] {
            check(secret, Err(SecretError::WhiteSpace));
        }
        check(format!("{GOOD} {GOOD}x"), Ok(()));
        // Bytes that are no text may end with any byte.
        let mut bytes: Vec<u8> = (0..32_u8).map(|n| n.wrapping_mul(n).wrapping_add(200)).collect();
        bytes.push(b'\n');
        check(bytes, Ok(()));
    }

    /// Each start counts by itself, and however it is written.
    #[test]
    fn jwt6_atk3_each_sample_is_refused() {
        assert!(SAMPLES.is_sorted());
        for (at, sample) in SAMPLES.iter().enumerate() {
            let mut others = SAMPLES.iter().enumerate();
            let covered = others.find(|(other, start)| *other != at && sample.starts_with(**start));
            assert_eq!(covered, None, "{sample}");
            check(format!("{sample}{GOOD}"), Err(SecretError::WellKnown));
            let loud = sample.to_ascii_uppercase();
            check(format!("{loud}_{GOOD}"), Err(SecretError::WellKnown));
            let apart: Vec<String> = sample.chars().map(String::from).collect();
            for between in ["-", "_", ".", " "] {
                let spread = apart.join(between);
                check(format!("{spread}{between}{GOOD}"), Err(SecretError::WellKnown));
            }
            // Elsewhere than at the start it says nothing.
            check(format!("{GOOD}{sample}"), Ok(()));
        }
    }

    #[test]
    fn jwt6_atk3_well_known_samples() {
        for secret in [
            "your-256-bit-secret-and-some-more-text",
            "YOUR_SECRET_KEY_GOES_HERE_PLEASE",
            "a-string-secret-at-least-256-bits-long",
            "super-secret-jwt-token-with-at-least-32-characters-long",
            "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
            "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
            "qwertyuiopasdfghjklzxcvbnm123456",
            "1234567890abcdefghijklmnopqrstuvwxyz",
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
            "a1c0952f3ff361f1e7dd8433a0a50689a004317a198ecb0a67ba90c73c27a958",
            "3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R",
            "0f987876650b4a085e64594fae9219e7781b17506bec02489ad061fba8cb22db",
            "37c304f8-51aa-419a-a1af-06154e63707a",
            "6116487b-cda1-52c2-b5b5-c8022c45e263",
            "413F4428472B4B6250655368566D5970337336763979244226452948404D6351",
            "5367566B59703373367639792F423F4528482B4D6251655468576D5A71347437",
            "======================BezKoder=Spring===========================",
            "Yh2k7QSu4l8CZg5p6X3Pna9L0Miy4D3Bvt0JVr87UcOj69Kqw5R2Nmf4FWs03Hdx",
            "JWTAuthenticationHIGHsecuredPasswordVVVp1OH7Xzyr",
            "reallyreallyreallyreallyverysafe",
            "DO NOT USE THIS VALUE. INSTEAD, CREATE A COMPLEX SECRET",
            "c2VjcmV0LWtleS1vZi1hLXR1dG9yaWFs",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        ] {
            check(secret, Err(SecretError::WellKnown));
        }
    }

    #[test]
    fn jwt6_atk2_keys_are_no_secrets() {
        let body = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n\
                    q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==";
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
        check(&pem, Err(SecretError::KeyText));
        check(pem.replace('\n', ""), Err(SecretError::KeyText));
        check(format!("{pem}\n"), Err(SecretError::WhiteSpace));
        check(format!("\n{pem}"), Err(SecretError::WhiteSpace));
        check(format!("x\n{pem}"), Err(SecretError::KeyText));
        check(body, Err(SecretError::KeyText));
        let mut der = vec![0x30, 0x59, 0x30, 0x13];
        der.extend((0..87_u8).map(|n| n.wrapping_mul(37)));
        check(&der, Err(SecretError::KeyText));
        der.push(7);
        check(&der, Ok(()));
        for secret in [
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZpt","e":"AQAB"}"#,
            r#"{"k\u0074y":"oct","k":"0vx7agoebGcQSuuPiLJXZpt"}"#,
            r#"{ "keys": [ {"kty":"RSA","n":"0vx7agoebGcQSuuPiL"} ] }"#,
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0vx7agoebGcQSuuPiLJXZpt ana",
        ] {
            check(secret, Err(SecretError::KeyText));
        }
    }

    #[test]
    fn l54_debug_shows_no_secret() {
        let secret = SharedSecret::from(GOOD);
        let minter = crate::TokenMinter::hs256(secret.clone());
        let verifier = crate::Verifier::hs256(secret.clone());
        let shown = format!("{secret:?} {minter:?} {verifier:?}");
        assert!(!shown.contains("6d1f") && !shown.contains("54, 100"), "{shown}");
    }
}
