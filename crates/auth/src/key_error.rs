//! Why a key, or a set of keys, is not used.

use crate::algorithm::Algorithm;
use crate::secret::SecretError;

/// Why a key, or a set of keys, is not used. Nothing of a key is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is none of the forms of keys.
    #[error("the text is no key: give a public key in PEM, a JWK, or a JWKS")]
    NotAKey,
    /// A key is JSON, and not one that can be read in one way only.
    #[error("the key is no plain JSON object, or a member stands twice in it")]
    NotJson,
    /// A member is missing, or has no such value.
    #[error("the key's `{member}` is missing or is none")]
    Member {
        /// The member of the JWK.
        member: &'static str,
    },
    /// A private key where a public one is needed.
    #[error("the key is private: tokens are checked with the public key, so give that alone")]
    PrivateKey,
    /// A certificate.
    #[error("a certificate is no key: take the public key out of it")]
    Certificate,
    /// The key does not say which algorithm it is for, and several are possible.
    #[error("the key does not say its algorithm: name one, such as `RS256`")]
    NoAlgorithm,
    /// The key says an algorithm that is not known.
    #[error(
        "the key is for an algorithm that is not known here; known are HS256 to HS512, RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA"
    )]
    UnknownAlgorithm,
    /// The algorithm needs another kind of key.
    #[error("the key is of another kind than `{}` needs", algorithm.name())]
    WrongKind {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// `use` or `key_ops` say that it is not for checking signatures.
    #[error("the key is not for checking signatures, by its `use` or `key_ops`")]
    NotForSignatures,
    /// The key's id is no name.
    #[error("the key's id is not 1 to 128 printable ASCII characters")]
    BadId,
    /// An RSA key that can be broken.
    #[error("the RSA key has {bits} bits: use one of at least 2048")]
    TooWeak {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// An RSA key that takes too long.
    #[error("the RSA key has {bits} bits: at most 4096 are used")]
    TooLarge {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// An exponent of an RSA key with which signatures can be forged, or that nobody uses.
    #[error("the RSA key's exponent is even, less than 3, or more than 32 bits long")]
    BadExponent,
    /// A point that does not lie on the curve, or with which signatures can be forged.
    #[error("the key is no point of its curve, or a weak one")]
    BadPoint,
    /// A shared secret that is weak, well known, or a key for another algorithm.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Two keys of a set have one id.
    #[error("two keys of the set have one id: give each its own")]
    IdTwice,
    /// A set without keys to check signatures with.
    #[error("the set has no key to check signatures with")]
    NoKeys,
    /// A set of too many keys.
    #[error("the set has more than 64 keys, or more than 4 without an id")]
    TooManyKeys,
    /// What is wrong with one key of a set.
    #[error("keys[{index}]: {error}")]
    InSet {
        /// Which key, from 0.
        index: usize,
        /// What is wrong with it.
        error: Box<KeyError>,
    },
}
