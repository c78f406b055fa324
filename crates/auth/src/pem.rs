//! Public keys in PEM. Private keys and certificates are told apart, and refused.

use pkcs1::der::pem::PemLabel;
use pkcs1::der::{Decode, Document};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::algorithm::{Algorithm, Family};
use crate::key_error::KeyError;
use crate::verifying_key::VerifyingKey;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Whether a text means to be PEM.
pub(crate) fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN")
}

/// The key of a text with one PEM block.
pub(crate) fn key(text: &str, algorithm: Option<Algorithm>) -> Result<VerifyingKey, KeyError> {
    // Blank lines around the block are those of an editor.
    let (label, document) = Document::from_pem(text.trim()).map_err(|_| KeyError::NotAKey)?;
    match label {
        label if label == SubjectPublicKeyInfoRef::PEM_LABEL => {
            let info = SubjectPublicKeyInfoRef::from_der(document.as_bytes());
            of_info(&info.map_err(|_| KeyError::NotAKey)?, algorithm)
        }
        label if label == pkcs1::RsaPublicKey::PEM_LABEL => rsa(document.as_bytes(), algorithm),
        label if label.ends_with("PRIVATE KEY") => Err(KeyError::PrivateKey),
        "CERTIFICATE" => Err(KeyError::Certificate),
        _ => Err(KeyError::NotAKey),
    }
}

fn of_info(
    info: &SubjectPublicKeyInfoRef<'_>,
    named: Option<Algorithm>,
) -> Result<VerifyingKey, KeyError> {
    let bits = info.subject_public_key.as_bytes().ok_or(KeyError::NotAKey)?;
    let curve = info.algorithm.parameters_oid();
    let (family, only) = match (info.algorithm.oid, curve) {
        (RSA, _) => return rsa(bits, named),
        (ELLIPTIC, Ok(P256)) => (Family::EllipticCurve, Algorithm::Es256),
        (ELLIPTIC, Ok(P384)) => (Family::EllipticCurve, Algorithm::Es384),
        (ED25519, _) => (Family::Edwards, Algorithm::EdDsa),
        _ => return Err(KeyError::UnknownAlgorithm),
    };
    if let Some(algorithm) = named.filter(|named| *named != only) {
        return Err(KeyError::WrongKind { algorithm });
    }
    match family {
        Family::Edwards => VerifyingKey::edwards(only, bits),
        _ => VerifyingKey::elliptic(only, bits),
    }
}

fn rsa(der: &[u8], algorithm: Option<Algorithm>) -> Result<VerifyingKey, KeyError> {
    let key = pkcs1::RsaPublicKey::from_der(der).map_err(|_| KeyError::NotAKey)?;
    let algorithm = algorithm.ok_or(KeyError::NoAlgorithm)?;
    VerifyingKey::rsa(algorithm, key.modulus.as_bytes(), key.public_exponent.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::secret::SecretError;
    use crate::testing::{NOW, check_token, pem, signed_elsewhere};
    use crate::{TokenRefusal, Verifier};

    #[track_caller]
    fn check(text: &str, named: Option<Algorithm>, expected: Result<Algorithm, KeyError>) {
        assert_eq!(key(text, named).map(|key| key.algorithm()), expected, "{text}");
    }

    #[test]
    fn jwt2_a_key_in_pem_is_for_one_algorithm() {
        check(&pem("p256"), None, Ok(Algorithm::Es256));
        check(&pem("p384"), None, Ok(Algorithm::Es384));
        check(&pem("ed25519"), None, Ok(Algorithm::EdDsa));
        check(&pem("p256"), Some(Algorithm::Es256), Ok(Algorithm::Es256));
        check(&format!("\n\n{}\n", pem("p256")), None, Ok(Algorithm::Es256));
        check(&pem("rsa2048"), None, Err(KeyError::NoAlgorithm));
        for algorithm in Algorithm::ALL {
            let of = |family| {
                if algorithm.family() == family {
                    Ok(algorithm)
                } else {
                    Err(KeyError::WrongKind { algorithm })
                }
            };
            check(&pem("rsa2048"), Some(algorithm), of(Family::Rsa));
            check(&pem("rsa2048.pkcs1"), Some(algorithm), of(Family::Rsa));
            check(&pem("ed25519"), Some(algorithm), of(Family::Edwards));
            if algorithm != Algorithm::Es384 {
                check(&pem("p256"), Some(algorithm), of(Family::EllipticCurve));
            }
        }
        let algorithm = Algorithm::Es384;
        check(&pem("p256"), Some(algorithm), Err(KeyError::WrongKind { algorithm }));
    }

    #[test]
    fn jwt3_what_is_no_public_key_of_enough_strength() {
        let rs256 = Some(Algorithm::Rs256);
        check(&pem("rsa1024"), rs256, Err(KeyError::TooWeak { bits: 1024 }));
        check(&pem("p521"), None, Err(KeyError::UnknownAlgorithm));
        for name in ["p256.private", "p384.private", "ed25519.private"] {
            check(&pem(name), None, Err(KeyError::PrivateKey));
        }
        check(&pem("certificate"), None, Err(KeyError::Certificate));
        let two = format!("{}{}", pem("p256"), pem("p384"));
        let cut: String = pem("p256").lines().filter(|line| !line.ends_with("==")).collect();
        for text in ["", "-----BEGIN PUBLIC KEY-----", &two, &cut, "MFkwEwYHKoZIzj0CAQYI"] {
            check(text, None, Err(KeyError::NotAKey));
        }
    }

    /// OpenSSL has signed, and each key checks its own algorithm only.
    #[test]
    fn jwt1_tokens_of_another_library_are_checked_by_the_key_of_their_algorithm_alone() {
        let file = |algorithm: Algorithm| match algorithm {
            Algorithm::Es256 => "p256",
            Algorithm::Es384 => "p384",
            Algorithm::EdDsa => "ed25519",
            _ => "rsa2048",
        };
        let signed = signed_elsewhere();
        assert_eq!(signed.len(), 9, "all but those of shared secrets");
        for (algorithm, token) in &signed {
            for (other, _) in &signed {
                let key = key(&pem(file(*other)), Some(*other)).unwrap();
                let refused = Err(TokenRefusal::AlgorithmNotAllowed);
                let expected = if algorithm == other { Ok(()) } else { refused };
                check_token(&Verifier::with_keys(key), token, expected);
            }
        }
        let token = &signed.iter().find(|(name, _)| *name == Algorithm::Es256).unwrap().1;
        let verifier = Verifier::with_keys(key(&pem("p256"), None).unwrap());
        assert_eq!(verifier.verify(token, NOW).unwrap().subject(), "ana@shop.test");
    }

    #[test]
    fn atk2_a_public_key_is_no_shared_secret() {
        for name in ["rsa2048", "rsa2048.pkcs1", "p256", "p384", "ed25519", "certificate"] {
            let text = pem(name);
            let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
            for secret in [text.trim(), &format!("x{text}x"), &text.replace('\n', ""), &body] {
                // A key of Ed25519 is short: its body alone is caught by its form.
                let found = VerifyingKey::shared(Algorithm::Hs256, secret).err();
                assert_eq!(found, Some(KeyError::Secret(SecretError::KeyText)), "{secret}");
            }
            let blank = VerifyingKey::shared(Algorithm::Hs256, format!("\n{text}").as_str());
            assert_eq!(blank.err(), Some(KeyError::Secret(SecretError::WhiteSpace)));
        }
    }
}
