//! Tokens made of parts, right or broken: whatever a header, claims or a signature may be made to
//! say. It knows no rule that tokens are held to.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::fixture;

/// When forged tokens are issued: 2026-07-01T00:00:00Z, the shop's today, in seconds.
pub const NOW: u64 = 1_782_864_000;
/// What signs them unless another is named.
pub const SECRET: &str = "6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2";

/// What signs a token.
#[derive(Clone, Debug)]
pub struct Pen {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Pen {
    /// HMAC with SHA-256 and this secret, whatever it is.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        Self::hmac(Algorithm::HS256, secret)
    }

    /// HMAC by its name: `HS256`, `HS384` or `HS512`.
    pub fn hmac_named(name: &str, secret: impl AsRef<[u8]>) -> Self {
        let algorithm = match name {
            "HS384" => Algorithm::HS384,
            "HS512" => Algorithm::HS512,
            _ => Algorithm::HS256,
        };
        Self::hmac(algorithm, secret)
    }

    fn hmac(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Self {
        Self { algorithm, key: EncodingKey::from_secret(secret.as_ref()) }
    }

    /// The private key of fixtures/tokens/keys: `p256`, `p384` or `ed25519`.
    pub fn of_file(name: &str) -> Self {
        let der = pem_bytes(&format!("{name}.private"));
        match name {
            "p256" => Self { algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(&der) },
            "p384" => Self { algorithm: Algorithm::ES384, key: EncodingKey::from_ec_der(&der) },
            _ => Self { algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(&der) },
        }
    }

    /// The signature of a message.
    pub fn sign(&self, message: &str) -> Vec<u8> {
        let signer = (DEFAULT_PROVIDER.signer_factory)(&self.algorithm, &self.key);
        signer.expect("a signer").try_sign(message.as_bytes()).expect("a signature")
    }
}

/// The text of a file of fixtures/tokens/keys.
pub fn pem(name: &str) -> String {
    let path = fixture(&format!("tokens/keys/{name}.pem"));
    std::fs::read_to_string(path).expect("the key is there")
}

/// What stands in it, in DER.
pub fn pem_bytes(name: &str) -> Vec<u8> {
    let text = pem(name);
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).expect("PEM is base64")
}

/// Base64url without padding, as tokens have it.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Base64 as PEM and mail have it.
pub fn encode_padded(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// A token in the making: a header and claims of any bytes, and what signs them.
///
/// ```
/// use sandbar_testkit::forge::{Forge, Pen};
///
/// let broken = Forge::new().header(r#"{"alg":"none"}"#).claims("[]").pen(Pen::hs256("x"));
/// assert_eq!(broken.token().split('.').count(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Forge {
    header: Vec<u8>,
    claims: Vec<u8>,
    pen: Pen,
}

/// The three parts of a token as they are written, to be put together in any way.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The header.
    pub header: String,
    /// The claims.
    pub claims: String,
    /// The signature.
    pub signature: String,
}

impl Default for Forge {
    fn default() -> Self {
        Self::new()
    }
}

impl Forge {
    /// A token that is right: HS256, issued now, of `ana@shop.test`.
    pub fn new() -> Self {
        Self {
            header: br#"{"alg":"HS256","typ":"JWT"}"#.to_vec(),
            claims: format!(r#"{{"iat":{NOW},"email":"ana@shop.test"}}"#).into_bytes(),
            pen: Pen::hs256(SECRET),
        }
    }

    /// The same with this header.
    #[must_use]
    pub fn header(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.header = bytes.as_ref().to_vec();
        self
    }

    /// The same with these claims.
    #[must_use]
    pub fn claims(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.claims = bytes.as_ref().to_vec();
        self
    }

    /// The claims of a right token, and these members after them, such as `"exp":1`.
    #[must_use]
    pub fn and(self, members: &str) -> Self {
        let comma = if members.is_empty() { "" } else { "," };
        self.claims(format!(r#"{{"iat":{NOW},"email":"ana@shop.test"{comma}{members}}}"#))
    }

    /// The header of a right token, and these members after `alg`, such as `"kid":"1"`.
    #[must_use]
    pub fn header_and(self, members: &str) -> Self {
        self.header(format!(r#"{{"alg":"HS256",{members}}}"#))
    }

    /// The same, signed with this.
    #[must_use]
    pub fn pen(mut self, pen: Pen) -> Self {
        self.pen = pen;
        self
    }

    /// Its parts; the signature is that of the other two as they are written.
    pub fn parts(&self) -> Parts {
        let (header, claims) = (encode(&self.header), encode(&self.claims));
        let signature = encode(self.pen.sign(&format!("{header}.{claims}")));
        Parts { header, claims, signature }
    }

    /// The token.
    pub fn token(&self) -> String {
        self.parts().token()
    }
}

impl Parts {
    /// The parts with points between.
    pub fn token(&self) -> String {
        let Self { header, claims, signature } = self;
        format!("{header}.{claims}.{signature}")
    }

    /// The token with another signature, of any bytes.
    pub fn signed_by(&self, signature: impl AsRef<[u8]>) -> String {
        format!("{}.{}.{}", self.header, self.claims, encode(signature))
    }
}
