//! Keys in JSON (RFC 7517, RFC 7518 section 6, RFC 8037). A key whose members contradict each
//! other is refused (JWT2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::{Algorithm, Family};
use crate::key_error::KeyError;
use crate::secret::SharedSecret;
use crate::strict_json;
use crate::verifying_key::VerifyingKey;

type Members = Map<String, Value>;

/// What only private keys have.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Reads one JSON object; a member that stands twice is refused.
pub(crate) fn object(text: &str) -> Result<Members, KeyError> {
    strict_json::object(text.trim().as_bytes()).map_err(|_| KeyError::NotJson)
}

/// The keys of a set, in their order. Those that are for encryption are none of ours.
pub(crate) fn set(
    members: &Members,
    algorithm: Option<Algorithm>,
) -> Result<Vec<VerifyingKey>, KeyError> {
    let list = members.get("keys").and_then(Value::as_array);
    let list = list.ok_or(KeyError::Member { member: "keys" })?;
    let mut keys = Vec::new();
    for (index, one) in list.iter().enumerate() {
        let within = |error| KeyError::InSet { index, error: Box::new(error) };
        let members = one.as_object().ok_or_else(|| within(KeyError::NotJson))?;
        if members.get("use").and_then(Value::as_str) != Some("enc") {
            keys.push(key(members, algorithm).map_err(within)?);
        }
    }
    Ok(keys)
}

/// The key of a JWK.
pub(crate) fn key(members: &Members, named: Option<Algorithm>) -> Result<VerifyingKey, KeyError> {
    if PRIVATE.iter().any(|member| members.contains_key(*member)) {
        return Err(KeyError::PrivateKey);
    }
    check_use(members)?;
    let said = match members.get("alg") {
        None => None,
        Some(Value::String(name)) => {
            Some(Algorithm::named(name).ok_or(KeyError::UnknownAlgorithm)?)
        }
        Some(_) => return Err(KeyError::Member { member: "alg" }),
    };
    let key = match text(members, "kty")? {
        "RSA" => {
            let algorithm = said.or(named).ok_or(KeyError::NoAlgorithm)?;
            VerifyingKey::rsa(algorithm, &number(members, "n")?, &number(members, "e")?)?
        }
        "EC" => {
            let (only, size) = match text(members, "crv")? {
                "P-256" => (Algorithm::Es256, 32),
                "P-384" => (Algorithm::Es384, 48),
                _ => return Err(KeyError::UnknownAlgorithm),
            };
            let algorithm = of_curve(said, only)?;
            let mut point = vec![0x04];
            for member in ["x", "y"] {
                let coordinate = bytes(members, member)?;
                if coordinate.len() != size {
                    return Err(KeyError::Member { member });
                }
                point.extend(coordinate);
            }
            VerifyingKey::elliptic(algorithm, &point)?
        }
        "OKP" => {
            if text(members, "crv")? != "Ed25519" {
                return Err(KeyError::UnknownAlgorithm);
            }
            VerifyingKey::edwards(of_curve(said, Algorithm::EdDsa)?, &bytes(members, "x")?)?
        }
        "oct" => {
            let algorithm = said.or(named).ok_or(KeyError::NoAlgorithm)?;
            if algorithm.family() != Family::Hmac {
                return Err(KeyError::WrongKind { algorithm });
            }
            VerifyingKey::shared(algorithm, SharedSecret::from(bytes(members, "k")?))?
        }
        _ => return Err(KeyError::UnknownAlgorithm),
    };
    match members.get("kid") {
        None => Ok(key),
        Some(id) => key.id(id.as_str().ok_or(KeyError::BadId)?),
    }
}

/// A curve has one algorithm, so that a key need not say it, and may not say another.
fn of_curve(said: Option<Algorithm>, only: Algorithm) -> Result<Algorithm, KeyError> {
    match said {
        Some(algorithm) if algorithm != only => Err(KeyError::WrongKind { algorithm }),
        _ => Ok(only),
    }
}

/// `use` and `key_ops`, where they are there, are for checking signatures.
fn check_use(members: &Members) -> Result<(), KeyError> {
    let used = members.get("use").is_none_or(|used| used == "sig");
    let operations = members.get("key_ops").is_none_or(|operations| {
        let list = operations.as_array().map(Vec::as_slice).unwrap_or_default();
        // A secret signs as well as it checks.
        let secret = members.get("kty").is_some_and(|kty| kty == "oct");
        list.iter().any(|one| one == "verify")
            && list.iter().all(|one| one == "verify" || secret && one == "sign")
    });
    if used && operations { Ok(()) } else { Err(KeyError::NotForSignatures) }
}

fn text<'m>(members: &'m Members, member: &'static str) -> Result<&'m str, KeyError> {
    members.get(member).and_then(Value::as_str).ok_or(KeyError::Member { member })
}

fn bytes(members: &Members, member: &'static str) -> Result<Vec<u8>, KeyError> {
    let decoded = URL_SAFE_NO_PAD.decode(text(members, member)?);
    decoded.map_err(|_| KeyError::Member { member })
}

/// A number in its shortest form (RFC 7518, section 2: `Base64urlUInt`).
fn number(members: &Members, member: &'static str) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(members, member)?;
    if matches!(bytes.first(), None | Some(0)) {
        Err(KeyError::Member { member })
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::secret::SecretError;
    use crate::testing::jwk;

    /// A key of the fixtures with these members in place of its own; null takes one away.
    #[track_caller]
    fn check(name: &str, changes: &[(&str, Value)], expected: Result<Algorithm, KeyError>) {
        let mut members = jwk(name);
        for (member, value) in changes {
            members.insert((*member).to_owned(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        let found = key(&members, None).map(|key| key.algorithm());
        assert_eq!(found, expected, "{}", Value::Object(members));
    }

    fn wrong(algorithm: Algorithm) -> Result<Algorithm, KeyError> {
        Err(KeyError::WrongKind { algorithm })
    }

    fn missing(member: &'static str) -> Result<Algorithm, KeyError> {
        Err(KeyError::Member { member })
    }

    #[test]
    fn jwt2_the_members_of_a_key_go_together() {
        check("rsa2048", &[], Ok(Algorithm::Rs256));
        check("rsa2048", &[("alg", json!("PS512"))], Ok(Algorithm::Ps512));
        check("p256", &[], Ok(Algorithm::Es256));
        check("p256", &[("alg", json!(null))], Ok(Algorithm::Es256));
        check("p384", &[], Ok(Algorithm::Es384));
        check("ed25519", &[], Ok(Algorithm::EdDsa));
        check("ed25519", &[("alg", json!(null)), ("x5t", json!("any"))], Ok(Algorithm::EdDsa));
        check("rsa2048", &[("alg", json!(null))], Err(KeyError::NoAlgorithm));
        check("rsa2048", &[("alg", json!("HS256"))], wrong(Algorithm::Hs256));
        check("rsa2048", &[("alg", json!("ES256"))], wrong(Algorithm::Es256));
        check("p256", &[("alg", json!("ES384"))], wrong(Algorithm::Es384));
        check("p256", &[("alg", json!("RS256"))], wrong(Algorithm::Rs256));
        check("p256", &[("alg", json!("HS256"))], wrong(Algorithm::Hs256));
        check("p256", &[("crv", json!("P-384"))], wrong(Algorithm::Es256));
        check("p256", &[("crv", json!("P-384")), ("alg", json!("ES384"))], missing("x"));
        check("ed25519", &[("alg", json!("ES256"))], wrong(Algorithm::Es256));
        for alg in ["none", "rs256", "RSA-OAEP", "ES512", "", "RS256 "] {
            check("rsa2048", &[("alg", json!(alg))], Err(KeyError::UnknownAlgorithm));
        }
        check("rsa2048", &[("alg", json!(["RS256"]))], missing("alg"));
        for kty in ["rsa", "ec", "OCT", "", "AKP"] {
            check("rsa2048", &[("kty", json!(kty))], Err(KeyError::UnknownAlgorithm));
        }
        check("rsa2048", &[("kty", json!(null))], missing("kty"));
        check("rsa2048", &[("kty", json!("EC"))], missing("crv"));
        check("p256", &[("crv", json!(null))], missing("crv"));
        check("p256", &[("crv", json!("secp256k1"))], Err(KeyError::UnknownAlgorithm));
        check("ed25519", &[("crv", json!("X25519"))], Err(KeyError::UnknownAlgorithm));
    }

    #[test]
    fn jwt2_a_key_is_for_checking_signatures() {
        check(
            "p256",
            &[("use", json!("sig")), ("key_ops", json!(["verify"]))],
            Ok(Algorithm::Es256),
        );
        for (member, value) in [
            ("use", json!("enc")),
            ("use", json!("SIG")),
            ("use", json!(1)),
            ("key_ops", json!([])),
            ("key_ops", json!("verify")),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!(["sign", "verify"])),
            ("key_ops", json!(["verify", "encrypt"])),
        ] {
            check("p256", &[(member, value)], Err(KeyError::NotForSignatures));
        }
        for member in PRIVATE {
            check("rsa2048", &[(member, json!("AQAB"))], Err(KeyError::PrivateKey));
        }
    }

    #[test]
    fn jwt3_numbers_that_make_no_strong_key() {
        let n = URL_SAFE_NO_PAD.decode(jwk("rsa2048")["n"].as_str().unwrap()).unwrap();
        let with = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
        let (mut even, mut padded) = (n.clone(), vec![0]);
        *even.last_mut().unwrap() &= 0xfe;
        padded.extend(&n);
        let mut shorter = n.clone();
        shorter[0] = 0x7f;
        check("rsa2048", &[("n", with(&shorter))], Err(KeyError::TooWeak { bits: 2047 }));
        check("rsa2048", &[("n", with(&n[..128]))], Err(KeyError::TooWeak { bits: 1024 }));
        check("rsa2048", &[("n", with(&n.repeat(2)))], Ok(Algorithm::Rs256));
        let long = [&[1], n.repeat(2).as_slice()].concat();
        check("rsa2048", &[("n", with(&long))], Err(KeyError::TooLarge { bits: 4097 }));
        for bad in [with(&even), with(&padded), json!(""), json!("AQ="), json!("?"), json!(7)] {
            check("rsa2048", &[("n", bad)], missing("n"));
        }
        check("rsa2048", &[("e", json!("Aw"))], Ok(Algorithm::Rs256));
        for e in ["AQ", "Ag", "AQAA", "AQAAAAE"] {
            check("rsa2048", &[("e", json!(e))], Err(KeyError::BadExponent));
        }
        check("rsa2048", &[("e", json!("AAEAAQ"))], missing("e"));
    }

    #[test]
    fn jwt5_points_lie_on_their_curve_and_are_not_weak() {
        let other = jwk("p256")["x"].clone();
        check("p256", &[("y", other)], Err(KeyError::BadPoint));
        let zero = json!(URL_SAFE_NO_PAD.encode([0; 32]));
        check("p256", &[("x", zero.clone()), ("y", zero)], Err(KeyError::BadPoint));
        check("p256", &[("x", json!("AAAA"))], missing("x"));
        check("p384", &[("y", json!(null))], missing("y"));
        // The eight points of small order, and the two that are written in another way.
        for (last, first, middle) in [
            (0x00, 0x00, 0x00),
            (0x80, 0x00, 0x00),
            (0x00, 0x01, 0x00),
            (0x80, 0x01, 0x00),
            (0x7f, 0xec, 0xff),
            (0xff, 0xec, 0xff),
            (0x7f, 0xed, 0xff),
            (0x7f, 0xee, 0xff),
        ] {
            let mut point = [middle; 32];
            (point[0], point[31]) = (first, last);
            let x = json!(URL_SAFE_NO_PAD.encode(point));
            check("ed25519", &[("x", x)], Err(KeyError::BadPoint));
        }
        // Of order 8, as in RFC 7748's companion lists: with either sign of x.
        for start in [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03",
        ] {
            let mut point: Vec<u8> = (0..31)
                .map(|at| u8::from_str_radix(start.get(at * 2..at * 2 + 2).unwrap(), 16).unwrap())
                .collect();
            let last = if point[0] == 0x26 { 0x05 } else { 0x7a };
            point.push(last);
            for sign in [0, 0x80] {
                point[31] = last | sign;
                let x = json!(URL_SAFE_NO_PAD.encode(&point));
                check("ed25519", &[("x", x)], Err(KeyError::BadPoint));
                // Without the list the backend would take it: it is a point of the curve.
                let key = jsonwebtoken::DecodingKey::from_ed_der(&point);
                let provider = &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
                let made = (provider.verifier_factory)(&jsonwebtoken::Algorithm::EdDSA, &key);
                assert!(made.is_ok());
            }
        }
        check("ed25519", &[("x", json!("AAAA"))], Err(KeyError::BadPoint));
    }

    #[test]
    fn jwt6_a_secret_in_a_jwk_is_as_strong_as_any() {
        let of = |alg: &str, bytes: &[u8]| {
            let k = URL_SAFE_NO_PAD.encode(bytes);
            let members = json!({"kty": "oct", "alg": alg, "k": k, "key_ops": ["sign", "verify"]});
            key(members.as_object().unwrap(), None).map(|key| key.algorithm())
        };
        let random: Vec<u8> = (0..64_u8).map(|n| n.wrapping_mul(n).wrapping_add(97)).collect();
        assert_eq!(of("HS256", &random[..32]), Ok(Algorithm::Hs256));
        assert_eq!(of("HS384", &random[..48]), Ok(Algorithm::Hs384));
        assert_eq!(of("HS512", &random), Ok(Algorithm::Hs512));
        for (alg, length) in [("HS256", 31), ("HS384", 47), ("HS512", 63), ("HS256", 0)] {
            let short = Err(KeyError::Secret(SecretError::TooShort));
            assert_eq!(of(alg, &random[..length]), short, "{alg}");
        }
        assert_eq!(of("RS256", &random), wrong(Algorithm::Rs256));
        assert_eq!(of("HS256", &[7; 40]), Err(KeyError::Secret(SecretError::Repetitive)));
    }
}
