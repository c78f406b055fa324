//! From the bytes of a token to claims that the key has signed; nothing is believed before that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::key_set::KeySet;
use crate::strict_json;
use crate::token_error::TokenRefusal;
use crate::verifying_key::is_key_id;

/// The longest token, in bytes.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// Header members that would choose a key or change the format (JWT7, JWT11, JWT15).
const REFUSED_HEADERS: [&str; 9] = ["crit", "jku", "jwk", "x5u", "x5c", "enc", "zip", "p2c", "b64"];

/// The claims of a token, once its signature is found to be that of a key.
pub(crate) fn signed_claims(
    token: &str,
    keys: &KeySet,
    kind: &TokenType,
) -> Result<Map<String, Value>, TokenRefusal> {
    if token.len() > MAX_TOKEN {
        return Err(TokenRefusal::TooLarge);
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if !token.bytes().all(allowed) {
        return Err(TokenRefusal::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TokenRefusal::Malformed)?;
    if payload.contains('.') {
        return Err(TokenRefusal::Malformed);
    }
    let header = strict_json::object(&decode(header)?)?;
    let algorithm = check_header(&header, kind)?;
    let candidates = keys.candidates(key_id(&header)?, algorithm)?;
    let signature = decode(signature)?;
    if !candidates.iter().any(|key| key.signed(message, &signature)) {
        return Err(TokenRefusal::BadSignature);
    }
    strict_json::object(&decode(payload)?)
}

/// Strict base64url: no padding, and the unused bits of the last character are zero (ATK9).
fn decode(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefusal::Malformed)
}

/// What the header's `typ` has to say: `JWT`, or what a host calls its tokens (JWT12).
#[derive(Clone, Debug)]
pub(crate) struct TokenType {
    /// In lower case, without `application/`.
    pub(crate) name: String,
    pub(crate) required: bool,
}

impl Default for TokenType {
    fn default() -> Self {
        Self { name: "jwt".to_owned(), required: false }
    }
}

/// The algorithm that the header says. It chooses no key and no way to use one: it has to be that
/// of the key.
fn check_header(header: &Map<String, Value>, kind: &TokenType) -> Result<Algorithm, TokenRefusal> {
    if REFUSED_HEADERS.iter().any(|name| header.contains_key(*name)) {
        return Err(TokenRefusal::HeaderNotAllowed);
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
    let algorithm = algorithm.ok_or(TokenRefusal::AlgorithmNotAllowed)?;
    let fits = match header.get("typ") {
        None => !kind.required,
        Some(said) => said.as_str().is_some_and(|said| media_type(said) == kind.name),
    };
    if fits { Ok(algorithm) } else { Err(TokenRefusal::WrongType) }
}

/// A `typ` as a media type: the case does not count, nor does `application/` (RFC 7515, 4.1.9).
pub(crate) fn media_type(said: &str) -> String {
    let said = said.to_ascii_lowercase();
    said.strip_prefix("application/").map_or(said.clone(), str::to_owned)
}

/// The id of the key, which is looked up in memory and nowhere else.
fn key_id(header: &Map<String, Value>) -> Result<Option<&str>, TokenRefusal> {
    let Some(id) = header.get("kid") else { return Ok(None) };
    let id = id.as_str().filter(|id| is_key_id(id)).ok_or(TokenRefusal::BadKeyId)?;
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::testing::{CLAIMS, HEADER, SECRET, check_token, sign, verifier};
    use crate::{TokenMinter, Verifier};

    #[track_caller]
    fn check_header(header: &str, expected: Result<(), TokenRefusal>) {
        check_token(&verifier(), &sign(header, CLAIMS), expected);
    }

    #[test]
    fn jwt1_atk1_only_the_algorithm_of_the_key() {
        check_header(HEADER, Ok(()));
        for alg in [
            json!("none"),
            json!("None"),
            json!("NONE"),
            json!("nOnE"),
            json!("hs256"),
            json!("HS384"),
            json!("HS512"),
            json!("RS256"),
            json!("ES256"),
            json!("PS256"),
            json!("EdDSA"),
            json!(""),
            json!(" HS256"),
            json!("HS256\0"),
            json!("H".repeat(5_000)),
            json!(["HS256"]),
            json!(null),
            json!(256),
            json!({"HS256": 1}),
        ] {
            let header = json!({"alg": alg}).to_string();
            check_header(&header, Err(TokenRefusal::AlgorithmNotAllowed));
        }
        check_header("{}", Err(TokenRefusal::AlgorithmNotAllowed));
        check_header(r#"{"ALG":"HS256"}"#, Err(TokenRefusal::AlgorithmNotAllowed));
    }

    #[test]
    fn atk1_no_algorithm_without_a_signature() {
        let signed = sign(r#"{"alg":"none"}"#, CLAIMS);
        let (message, _) = signed.rsplit_once('.').unwrap();
        let refused = Err(TokenRefusal::AlgorithmNotAllowed);
        check_token(&verifier(), &format!("{message}."), refused);
        check_token(&verifier(), message, Err(TokenRefusal::Malformed));
    }

    #[test]
    fn jwt15_atk5_no_extension_is_understood() {
        check_header(r#"{"alg":"HS256","exp":1,"x":[]}"#, Ok(()));
        for crit in [
            r#""crit":["b64"],"b64":false"#,
            r#""crit":["exp"],"exp":1"#,
            r#""crit":["x"]"#,
            r#""crit":[]"#,
            r#""crit":"exp""#,
            r#""crit":null"#,
            r#""crit":{}"#,
            r#""crit":false"#,
            r#""cr\u0069t":["x"]"#,
            r#""b64":true"#,
            r#""b64":false"#,
        ] {
            let header = format!(r#"{{"alg":"HS256",{crit}}}"#);
            check_header(&header, Err(TokenRefusal::HeaderNotAllowed));
        }
    }

    #[test]
    fn jwt7_jwt11_atk4_the_header_brings_no_key_and_no_encryption() {
        check_header(r#"{"alg":"HS256","kid":"../../dev/null"}"#, Ok(()));
        check_header(r#"{"alg":"HS256","kid":"' OR 1=1--"}"#, Ok(()));
        for member in [
            r#""jku":"http://127.0.0.1:9/""#,
            r#""jwk":{"kty":"oct","k":"AAAA"}"#,
            r#""x5u":"http://127.0.0.1:9/""#,
            r#""x5c":[]"#,
            r#""enc":"A256GCM""#,
            r#""zip":"DEF""#,
            r#""p2c":1000000000"#,
        ] {
            let header = format!(r#"{{"alg":"HS256",{member}}}"#);
            check_header(&header, Err(TokenRefusal::HeaderNotAllowed));
        }
    }

    #[test]
    fn jwt12_the_type_is_jwt_or_absent() {
        check_header(r#"{"alg":"HS256"}"#, Ok(()));
        for typ in ["JWT", "jwt", "application/jwt", "Application/JWT"] {
            check_header(&json!({"alg": "HS256", "typ": typ}).to_string(), Ok(()));
        }
        for typ in [json!("at+jwt"), json!("secevent+jwt"), json!(""), json!(1), json!(null)] {
            let header = json!({"alg": "HS256", "typ": typ}).to_string();
            check_header(&header, Err(TokenRefusal::WrongType));
        }
    }

    #[test]
    fn atk8_ambiguous_headers_and_claims() {
        check_header(r#"{"alg":"none","alg":"HS256"}"#, Err(TokenRefusal::DuplicateKey));
        check_header(r#"["HS256"]"#, Err(TokenRefusal::Malformed));
        check_header(r#"{"alg":"HS256"} x"#, Err(TokenRefusal::Malformed));
        let claims =
            |text: &str, refusal| check_token(&verifier(), &sign(HEADER, text), Err(refusal));
        claims(&CLAIMS.replace('}', r#","email":"b@b.test"}"#), TokenRefusal::DuplicateKey);
        claims(&CLAIMS.replace('}', r#","em\u0061il":"b@b.test"}"#), TokenRefusal::DuplicateKey);
        claims(&CLAIMS.replace('}', r#","x":{"a":1,"a":2}}"#), TokenRefusal::DuplicateKey);
        claims(&CLAIMS.replace("email", "Email"), TokenRefusal::MissingEmail);
        claims(r#"[1782864000,"ana@shop.test"]"#, TokenRefusal::Malformed);
        claims(&format!("{CLAIMS}{CLAIMS}"), TokenRefusal::Malformed);
        claims(&format!("\u{feff}{CLAIMS}"), TokenRefusal::Malformed);
        claims(&format!(" {CLAIMS}"), TokenRefusal::Malformed);
        let deep = format!(",\"x\":{}{}}}", "[".repeat(40), "]".repeat(40));
        claims(&CLAIMS.replace('}', &deep), TokenRefusal::TooComplex);
    }

    #[test]
    fn jwt14_atk6_three_parts_of_the_alphabet() {
        let good = sign(HEADER, CLAIMS);
        check_token(&verifier(), &good, Ok(()));
        let (message, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = message.split_once('.').unwrap();
        for bad in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            header.to_owned(),
            message.to_owned(),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.{signature}"),
            format!("{good}.a.b"),
            format!("{header}..{payload}.{signature}"),
            format!("Bearer {good}"),
            good.replace('.', ":"),
            format!("{{\"payload\":\"{payload}\"}}"),
        ] {
            check_token(&verifier(), &bad, Err(TokenRefusal::Malformed));
        }
        for foreign in (0..=127_u8).map(char::from).chain(['é', '\u{ff0e}', '\u{212a}']) {
            if foreign.is_ascii_alphanumeric() || matches!(foreign, '-' | '_') {
                continue;
            }
            let malformed = Err(TokenRefusal::Malformed);
            check_token(&verifier(), &format!("{foreign}{good}"), malformed);
            check_token(&verifier(), &format!("{good}{foreign}"), malformed);
            check_token(
                &verifier(),
                &format!("{header}.{foreign}{payload}.{signature}"),
                malformed,
            );
        }
    }

    #[test]
    fn atk6_a_token_inside_a_token_is_no_claims() {
        check_token(
            &verifier(),
            &sign(HEADER, &sign(HEADER, CLAIMS)),
            Err(TokenRefusal::Malformed),
        );
    }

    #[test]
    fn atk7_the_length_is_limited_before_anything_else() {
        let padded = |length: usize| {
            let fill =
                |n| sign(HEADER, &CLAIMS.replace('}', &format!(",\"x\":\"{}\"}}", "a".repeat(n))));
            (5_000..7_000).map(fill).find(|token| token.len() == length).unwrap()
        };
        check_token(&verifier(), &padded(MAX_TOKEN), Ok(()));
        check_token(&verifier(), &padded(MAX_TOKEN + 1), Err(TokenRefusal::TooLarge));
        check_token(&verifier(), &"a".repeat(50 * 1024), Err(TokenRefusal::TooLarge));
        check_token(&verifier(), &".".repeat(8_000_000), Err(TokenRefusal::TooLarge));
        check_token(&verifier(), &".".repeat(MAX_TOKEN), Err(TokenRefusal::Malformed));
    }

    #[test]
    fn atk9_one_spelling_of_the_same_bytes() {
        let good = sign(HEADER, CLAIMS);
        let (message, signature) = good.rsplit_once('.').unwrap();
        check_token(&verifier(), &format!("{good}="), Err(TokenRefusal::Malformed));
        // 32 bytes leave two unused bits in the last character, which must be zero.
        let last = signature.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let start = alphabet.find(last).unwrap();
        for other in alphabet.chars().skip(start + 1).take(3) {
            let signature = signature.strip_suffix(last).unwrap();
            let token = format!("{message}.{signature}{other}");
            check_token(&verifier(), &token, Err(TokenRefusal::Malformed));
        }
        // The same in the signed parts: the signature is right for these characters.
        let minter = TokenMinter::hs256(SECRET).unwrap();
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let (header, claims) = (encoded(r#"{"alg":"HS256"} "#), encoded(CLAIMS));
        assert!(header.ends_with('A') && header.len() % 4 == 2, "{header}");
        let twin = minter.sign_message(format!("{header}.{claims}")).unwrap();
        check_token(&verifier(), &twin, Ok(()));
        let loose = header.strip_suffix('A').unwrap();
        let token = minter.sign_message(format!("{loose}B.{claims}")).unwrap();
        check_token(&verifier(), &token, Err(TokenRefusal::Malformed));
    }

    #[test]
    fn jwt4_atk15_the_signature_counts_and_comes_before_the_claims() {
        let good = sign(HEADER, CLAIMS);
        let other = Verifier::hs256(b"another one of thirty-two bytes, or more").unwrap();
        check_token(&other, &good, Err(TokenRefusal::BadSignature));
        let (_, signature) = good.rsplit_once('.').unwrap();
        let (shorter, _) = signature.split_at(signature.len() - 3);
        for claims in [r#"{"iat":1782864000,"email":"root@shop.test"}"#, "[", r#"{"a":1,"a":2}"#] {
            let forged = sign(HEADER, claims);
            let (message, _) = forged.rsplit_once('.').unwrap();
            for signature in [signature, shorter, "", "AAAA"] {
                let token = format!("{message}.{signature}");
                check_token(&verifier(), &token, Err(TokenRefusal::BadSignature));
            }
        }
    }
}
