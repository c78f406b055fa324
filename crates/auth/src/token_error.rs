//! One answer for every token that is refused, and the reason for the operator.

use std::fmt;

/// A token was refused. What the bearer is told is the same for every reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError {
    refusal: TokenRefusal,
}

/// Why a token was refused: for the operator's log, never for the bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// Longer than 8 KiB.
    TooLarge,
    /// Not three base64url parts, or not JSON objects.
    Malformed,
    /// A key stands twice in one object.
    DuplicateKey,
    /// The header's `alg` is not the one of the key.
    Algorithm,
    /// The header asks for something that is not understood (`crit`, `jwk`, `enc` …).
    Header,
    /// The header's `typ` is that of another kind of token.
    WrongType,
    /// The signature is not that of the key.
    Signature,
    /// `iat` is missing or no whole number.
    IssuedAt,
    /// `iat` is as old as the maximum age, or older.
    TooOld,
    /// `iat` or `nbf` lies in the future.
    FromTheFuture,
    /// `exp` has passed, lies before `iat`, or is no whole number.
    Expired,
    /// The issuer is missing or another.
    Issuer,
    /// The audience is missing or others.
    Audience,
    /// The e-mail claim is missing or no address.
    Email,
    /// The groups claim is no list of names.
    Groups,
    /// The attributes claim is no object.
    Attributes,
}

impl TokenError {
    pub(crate) fn new(refusal: TokenRefusal) -> Self {
        Self { refusal }
    }

    /// The reason, for the operator.
    pub fn refusal(&self) -> TokenRefusal {
        self.refusal
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid or expired token")
    }
}

impl std::error::Error for TokenError {}

impl From<TokenRefusal> for TokenError {
    fn from(refusal: TokenRefusal) -> Self {
        Self::new(refusal)
    }
}
