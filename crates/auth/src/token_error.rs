//! One answer for every token that is refused, and the reason for the operator.

use std::fmt;

/// A token was refused: the bearer is told the same for every reason (ATK14).
///
/// `Display` is a constant. `Debug` and [`reason`](Self::reason) name the reason, never anything
/// of the token; they are for the operator's log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenError {
    reason: TokenRefusal,
}

/// Why a token was refused: for the operator's log, never for the bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// Longer than 8 KiB.
    TooLarge,
    /// Not three strict base64url parts, or header or claims are not a JSON object.
    Malformed,
    /// A key stands twice in one object.
    DuplicateKey,
    /// The JSON is nested deeper than 32 levels or has more than 10,000 values.
    TooComplex,
    /// The header's `alg` is not exactly that of the key.
    AlgorithmNotAllowed,
    /// The header's `kid` is not 1 to 128 printable ASCII characters.
    BadKeyId,
    /// The header's `kid` leads to no key, or there is none and several keys are possible.
    UnknownKey,
    /// The header asks for something that is not understood (`crit`, `jwk`, `enc` …).
    HeaderNotAllowed,
    /// The header's `typ` is that of another kind of token.
    WrongType,
    /// The signature is not that of the key.
    BadSignature,
    /// There is no `iat`, or it is null.
    MissingIat,
    /// `iat` is not a whole number of seconds, 0 or more.
    BadIat,
    /// `iat` lies as far back as the maximum age, or further.
    TooOld,
    /// `iat` lies further in the future than the clock skew.
    FromTheFuture,
    /// `exp` is not a whole number of seconds.
    BadExp,
    /// `exp` has passed, or lies before `iat`.
    Expired,
    /// `exp` lies further after `iat` than the maximum lifetime.
    LivesTooLong,
    /// `nbf` is not a whole number of seconds.
    BadNbf,
    /// `nbf` lies further in the future than the clock skew.
    NotYetValid,
    /// The configured issuer is missing, or it is another.
    WrongIssuer,
    /// The configured audience is missing, or it is another.
    WrongAudience,
    /// A claim that the host requires is missing or null.
    MissingClaim,
    /// There is no e-mail claim, or it is null.
    MissingEmail,
    /// The e-mail claim is no plain address.
    BadEmail,
    /// The groups claim is no list of at most 1,000 names.
    BadGroups,
    /// The attributes claim is no object, has a bad name, or gives one attribute twice.
    BadAttributes,
    /// The scope claim is no text of printable words, and no list of them.
    BadScope,
    /// There is no such session: it was ended, or there never was one.
    UnknownSession,
    /// The session has lasted as long as it may.
    SessionOver,
    /// There is no such API key.
    UnknownApiKey,
    /// The API key counts no longer.
    ApiKeyOver,
    /// Too much that was refused has come from there; nothing was looked at.
    TooManyFailures,
    /// The directory does not know the person.
    UnknownPerson,
    /// The directory knows the person, and that he may not come in.
    InactivePerson,
    /// `jti` is no name.
    BadTokenId,
    /// A token may be used once, and this one has been, or it has no `jti`.
    Replayed,
    /// More tokens have been used within the maximum age than are remembered: there is nothing
    /// wrong with this one.
    TooManyTokens,
}

impl TokenError {
    /// The reason, for the operator.
    pub fn reason(&self) -> TokenRefusal {
        self.reason
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid or expired token")
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenError({:?})", self.reason)
    }
}

impl std::error::Error for TokenError {}

impl From<TokenRefusal> for TokenError {
    fn from(reason: TokenRefusal) -> Self {
        Self { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atk14_the_bearer_reads_the_same_for_every_reason() {
        for reason in [TokenRefusal::BadSignature, TokenRefusal::TooOld, TokenRefusal::BadEmail] {
            let error = TokenError::from(reason);
            assert_eq!(error.to_string(), "invalid or expired token");
            assert_eq!(format!("{error:?}"), format!("TokenError({reason:?})"));
            assert!(std::error::Error::source(&error).is_none());
        }
    }
}
