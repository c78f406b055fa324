//! The algorithms that tokens may be signed with. There is none for unsigned tokens.

use jsonwebtoken::Algorithm as Backend;

/// How a token is signed (RFC 7518, section 3.1; RFC 8037, section 3.1). `none` cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// What kind of key an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Hmac,
    Rsa,
    EllipticCurve,
    Edwards,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in headers and keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of exactly this name; the case counts.
    ///
    /// ```
    /// use sandbar_auth::Algorithm;
    ///
    /// assert_eq!(Algorithm::named("ES256"), Some(Algorithm::Es256));
    /// assert_eq!(Algorithm::named("es256"), None);
    /// assert_eq!(Algorithm::named("none"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Hmac,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                Family::Rsa
            }
            Self::Es256 | Self::Es384 => Family::EllipticCurve,
            Self::EdDsa => Family::Edwards,
        }
    }

    /// The fewest bytes of a shared secret: those of the hash (RFC 7518, section 3.2).
    pub(crate) fn secret_bytes(self) -> usize {
        match self {
            Self::Hs384 => 48,
            Self::Hs512 => 64,
            _ => 32,
        }
    }

    pub(crate) fn backend(self) -> Backend {
        match self {
            Self::Hs256 => Backend::HS256,
            Self::Hs384 => Backend::HS384,
            Self::Hs512 => Backend::HS512,
            Self::Rs256 => Backend::RS256,
            Self::Rs384 => Backend::RS384,
            Self::Rs512 => Backend::RS512,
            Self::Ps256 => Backend::PS256,
            Self::Ps384 => Backend::PS384,
            Self::Ps512 => Backend::PS512,
            Self::Es256 => Backend::ES256,
            Self::Es384 => Backend::ES384,
            Self::EdDsa => Backend::EdDSA,
        }
    }
}
