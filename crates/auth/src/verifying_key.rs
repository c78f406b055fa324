//! A key, bound to the one algorithm that it is for (JWT1, JWT2, JWT3).

use std::fmt;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

use crate::algorithm::{Algorithm, Family};
use crate::key_error::KeyError;
use crate::secret::{SecretError, SharedSecret};
use crate::{jwk, pem};

/// The longest id of a key, in bytes.
const MAX_ID: usize = 128;
const LEAST_RSA_BITS: usize = 2048;
/// The backend checks no signature of a longer key.
const MOST_RSA_BITS: usize = 4096;

/// A key that checks signatures of exactly one algorithm, with the id that tokens may name it by.
///
/// ```
/// use sandbar_auth::{Algorithm, KeyError, VerifyingKey};
///
/// let pem = "-----BEGIN PUBLIC KEY-----\n\
///     MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
///     -----END PUBLIC KEY-----\n";
/// let key = VerifyingKey::pem(pem, None)?.id("2026-07")?;
/// assert_eq!(key.algorithm(), Algorithm::EdDsa);
/// let confused = VerifyingKey::shared(Algorithm::Hs256, pem);
/// assert!(matches!(confused, Err(KeyError::Secret(_))), "a public key is no secret");
/// # Ok::<(), sandbar_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    id: Option<String>,
    key: DecodingKey,
}

impl VerifyingKey {
    /// A secret that both sides know, for an algorithm of HMAC.
    ///
    /// # Errors
    /// A weak or well-known secret, one shorter than the hash, a key for another algorithm, and an
    /// algorithm that needs a public key.
    pub fn shared(algorithm: Algorithm, secret: impl Into<SharedSecret>) -> Result<Self, KeyError> {
        if algorithm.family() != Family::Hmac {
            return Err(KeyError::WrongKind { algorithm });
        }
        Ok(Self::checked_secret(algorithm, &secret.into())?)
    }

    pub(crate) fn checked_secret(
        algorithm: Algorithm,
        secret: &SharedSecret,
    ) -> Result<Self, SecretError> {
        let bytes = secret.checked(algorithm.secret_bytes())?;
        Ok(Self { algorithm, id: None, key: DecodingKey::from_secret(bytes) })
    }

    /// A public key in PEM: `PUBLIC KEY` (RFC 7468, section 13), or `RSA PUBLIC KEY`.
    ///
    /// A curve has one algorithm. For RSA, which has six, it has to be named.
    ///
    /// # Errors
    /// A text that is none, a private key, a certificate, a weak key, another algorithm than the
    /// key is for.
    pub fn pem(text: &str, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        pem::key(text, algorithm)
    }

    /// A JWK (RFC 7517): a public key, or a secret (`oct`).
    ///
    /// `alg` is the algorithm; where it is missing, the named one, or that of the curve.
    ///
    /// # Errors
    /// As for [`VerifyingKey::pem`]; and where `kty`, `crv`, `alg`, `use` and `key_ops` do not go
    /// together.
    pub fn jwk(text: &str, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        let members = jwk::object(text)?;
        jwk::key(&members, algorithm)
    }

    /// The same key with an id, which a token names in its header `kid`.
    ///
    /// # Errors
    /// An id that is not 1 to 128 printable ASCII characters.
    pub fn id(self, id: &str) -> Result<Self, KeyError> {
        if !is_key_id(id) {
            return Err(KeyError::BadId);
        }
        Ok(Self { id: Some(id.to_owned()), ..self })
    }

    /// The algorithm that it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its id.
    pub fn key_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// An RSA key: big-endian, without leading zeros.
    pub(crate) fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let first = n.first().ok_or(KeyError::Member { member: "n" })?;
        let bits = n.len() * 8 - first.leading_zeros() as usize;
        if bits < LEAST_RSA_BITS {
            return Err(KeyError::TooWeak { bits });
        }
        if bits > MOST_RSA_BITS {
            return Err(KeyError::TooLarge { bits });
        }
        if n.last().is_none_or(|last| last % 2 == 0) {
            return Err(KeyError::Member { member: "n" });
        }
        let odd = e.last().is_some_and(|last| last % 2 == 1);
        if !odd || e == [1] || e.len() > 4 {
            return Err(KeyError::BadExponent);
        }
        let key = DecodingKey::from_rsa_raw_components(n, e);
        Self::public(algorithm, Family::Rsa, key)
    }

    /// A point of the curve that an algorithm is for, in the uncompressed form of SEC 1.
    pub(crate) fn elliptic(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        let key = DecodingKey::from_ec_der(point);
        Self::public(algorithm, Family::EllipticCurve, key)
    }

    /// A point of Ed25519.
    pub(crate) fn edwards(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != 32 || is_of_small_order(point) {
            return Err(KeyError::BadPoint);
        }
        Self::public(algorithm, Family::Edwards, DecodingKey::from_ed_der(point))
    }

    fn public(algorithm: Algorithm, family: Family, key: DecodingKey) -> Result<Self, KeyError> {
        if algorithm.family() != family {
            return Err(KeyError::WrongKind { algorithm });
        }
        // The backend looks whether a point lies on its curve.
        let made = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.backend(), &key);
        made.map_err(|_| KeyError::BadPoint)?;
        Ok(Self { algorithm, id: None, key })
    }

    /// Whether this is the signature of a message. The algorithm is the key's own. HMACs are
    /// compared in the same time wherever they differ.
    pub(crate) fn signed(&self, message: &str, signature: &[u8]) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.backend(), &self.key)
            .is_ok_and(|key| key.verify(message.as_bytes(), &signature.to_vec()).is_ok())
    }
}

/// The key is not shown, which may be a secret.
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether a text can be the id of a key (JWT11).
pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

/// The points of Ed25519 whose order divides 8, in their canonical form: with such a key one
/// signature holds for many messages.
fn is_of_small_order(point: &[u8]) -> bool {
    const ORDER_8: [[u8; 31]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03,
        ],
    ];
    let Some((last, start)) = point.split_last() else { return true };
    // The highest bit is the sign of x.
    match last & 0x7f {
        0x00 => start.iter().skip(1).all(|b| *b == 0) && start.first().is_some_and(|b| *b <= 1),
        // -1, and the same beyond the modulus: 0 and 1.
        0x7f => {
            start.iter().skip(1).all(|b| *b == 0xff) && start.first().is_some_and(|b| *b >= 0xec)
        }
        0x05 => start == ORDER_8[0],
        0x7a => start == ORDER_8[1],
        _ => false,
    }
}
