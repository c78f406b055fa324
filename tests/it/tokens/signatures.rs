//! Who has signed, and how: algorithms, keys, signatures.

use sandbar_auth::TokenRefusal::{AlgorithmNotAllowed, BadSignature, Malformed};
use sandbar_testkit::forge::{
    Forge, NOW, Parts, Pen, SECRET, encode, encode_padded, pem, pem_bytes,
};
use serde_json::{Map, Value, json};

use super::Cases;
use super::doors::{Door, KEYED, LONG_SECRET, OTHER_SECRET, file};

pub(super) fn cases() -> Vec<Cases> {
    vec![
        algorithms(),
        other_keys(),
        unknown_algorithms(),
        tampered(),
        points(),
        weak_secrets(),
        guessed(),
        unsigned(),
        confused(),
        before_claims(),
        zeros(),
    ]
}

/// Tokens that another library has signed, by the name of their algorithm.
fn elsewhere(name: &str) -> Map<String, Value> {
    let path = sandbar_testkit::fixture(&format!("tokens/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A right token for the door of an algorithm, with this header's `alg`.
fn for_door(door: &str, alg: &Value) -> Parts {
    let header = json!({"alg": alg, "typ": "JWT"}).to_string();
    let forge = Forge::new().header(header);
    match door {
        "HS256" => forge.parts(),
        "HS384" | "HS512" => forge.pen(Pen::hmac_named(door, LONG_SECRET)).parts(),
        "ES256" | "ES384" | "EdDSA" => forge.pen(Pen::of_file(file(door))).parts(),
        // Whoever has no private key can use a signature again.
        _ => {
            let signed = elsewhere("signed")[door].as_str().unwrap().to_owned();
            let signature = signed.rsplit('.').next().unwrap().to_owned();
            Parts { signature, ..forge.parts() }
        }
    }
}

/// JWT1: the header's `alg` chooses nothing; it is that of the key, to the letter.
fn algorithms() -> Cases {
    let mut cases = Cases::of("jwt1");
    let signed = elsewhere("signed");
    for door in KEYED {
        let right = match signed.get(door) {
            Some(token) => token.as_str().unwrap().to_owned(),
            None => for_door(door, &json!(door)).token(),
        };
        cases.case(format!("the right {door}"), Door::Key(door), right, Ok(()));
        let mut others: Vec<Value> = KEYED.iter().map(|name| json!(name)).collect();
        let lower = door.to_ascii_lowercase();
        others.extend([json!(lower), json!(format!("{door} ")), json!([door]), json!(null)]);
        others.extend([json!("none"), json!(""), json!(door.repeat(500))]);
        for alg in others.into_iter().filter(|alg| alg != door) {
            // A confusion of HMAC lengths is signed as the header says, with the right secret.
            let token = match alg.as_str() {
                Some(name @ ("HS384" | "HS512")) if door == "HS256" => {
                    let header = json!({"alg": name}).to_string();
                    Forge::new().header(header).pen(Pen::hmac_named(name, SECRET)).token()
                }
                _ => for_door(door, &alg).token(),
            };
            let what: String = format!("{alg} at {door}").chars().take(40).collect();
            cases.case(what, Door::Key(door), token, Err(AlgorithmNotAllowed));
        }
    }
    cases
}

/// JWT2: a key is for itself alone.
fn other_keys() -> Cases {
    let mut cases = Cases::of("jwt2");
    let with =
        |alg: &str, pen: Pen| Forge::new().header(json!({"alg": alg}).to_string()).pen(pen).token();
    let secrets =
        [OTHER_SECRET, "6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a", "6D1F0C8B7A9E4D23F5B6A7C8D9E0F1A2"];
    for secret in secrets {
        cases.refused(
            format!("signed with {secret}"),
            with("HS256", Pen::hs256(secret)),
            BadSignature,
        );
    }
    cases.accepted("signed with the secret", with("HS256", Pen::hs256(SECRET)));
    // Decoded as hexadecimal, which the secret is not.
    let decoded: Vec<u8> = (0..SECRET.len() / 2)
        .map(|at| u8::from_str_radix(&SECRET[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    cases.refused("the secret decoded", with("HS256", Pen::hs256(decoded)), BadSignature);
    let long = Pen::hmac_named("HS512", SECRET);
    cases.case("a shorter secret", Door::Key("HS512"), with("HS512", long), Err(BadSignature));
    // The signature of another curve, under the name of this one.
    for (door, alg, other) in
        [("ES256", "ES256", "p384"), ("ES384", "ES384", "p256"), ("EdDSA", "EdDSA", "p256")]
    {
        let token = with(alg, Pen::of_file(other));
        cases.case(format!("{other} as {alg}"), Door::Key(door), token, Err(BadSignature));
    }
    cases.case("P-256", Door::Key("ES256"), with("ES256", Pen::of_file("p256")), Ok(()));
    cases
}

/// JWT3: what is no algorithm here is none.
fn unknown_algorithms() -> Cases {
    let mut cases = Cases::of("jwt3");
    for alg in [
        "RS1",
        "HS1",
        "ES512",
        "ES256K",
        "RSA1_5",
        "Ed448",
        "Ed25519",
        "HS128",
        "HS2560",
        "SHA256",
        "HMAC",
        "dir",
        "A128KW",
        "PBES2-HS256+A128KW",
        "ECDH-ES",
        "RSA-OAEP",
        "ML-DSA-44",
    ] {
        let token = Forge::new().header(json!({"alg": alg}).to_string()).token();
        cases.refused(alg, token, AlgorithmNotAllowed);
    }
    cases.accepted("HS256", Forge::new().header(r#"{"alg":"HS256"}"#).token());
    cases
}

/// JWT4: a signature counts as a whole.
fn tampered() -> Cases {
    let mut cases = Cases::of("jwt4");
    let right = Forge::new().parts();
    let signature = Pen::hs256(SECRET).sign(&format!("{}.{}", right.header, right.claims));
    cases.accepted("as it was signed", right.signed_by(&signature));
    for at in 0..signature.len() {
        let mut other = signature.clone();
        other[at] ^= 1 << (at % 8);
        cases.refused(
            format!("bit {} of byte {at}", at % 8),
            right.signed_by(&other),
            BadSignature,
        );
        cases.refused(format!("{at} bytes"), right.signed_by(&signature[..at]), BadSignature);
    }
    let long = [signature.as_slice(), &[0]].concat();
    cases.refused("a byte more", right.signed_by(long), BadSignature);
    cases.refused("twice", right.signed_by(signature.repeat(2)), BadSignature);
    cases.refused("zeros", right.signed_by([0; 32]), BadSignature);
    // Parts of two tokens, each signed.
    let root = Forge::new().claims(format!(r#"{{"iat":{NOW},"email":"root@shop.test"}}"#)).parts();
    cases.accepted("the other", root.token());
    for (what, header, claims, signature) in [
        ("claims of another", &right.header, &root.claims, &right.signature),
        ("a signature of another", &right.header, &right.claims, &root.signature),
    ] {
        cases.refused(what, format!("{header}.{claims}.{signature}"), BadSignature);
    }
    let other = Forge::new().header(r#"{"typ":"JWT","alg":"HS256"}"#).parts();
    let token = format!("{}.{}.{}", other.header, right.claims, right.signature);
    cases.refused("a header written otherwise", token, BadSignature);
    cases
}

/// JWT5: forms of signatures over curves.
fn points() -> Cases {
    let mut cases = Cases::of("jwt5");
    for (door, name, size) in
        [("ES256", "p256", 64), ("ES384", "p384", 96), ("EdDSA", "ed25519", 64)]
    {
        let parts = for_door(door, &json!(door));
        let signature = Pen::of_file(name).sign(&format!("{}.{}", parts.header, parts.claims));
        assert_eq!(signature.len(), size);
        cases.case(
            format!("the right {door}"),
            Door::Key(door),
            parts.signed_by(&signature),
            Ok(()),
        );
        let half = size / 2;
        let (r, s) = signature.split_at(half);
        let zero = vec![0; half];
        for (what, other) in [
            ("empty", Vec::new()),
            ("without its end", signature[..size - 1].to_vec()),
            ("a byte more", [&signature[..], &[0]].concat()),
            ("a zero before", [&[0], &signature[..]].concat()),
            ("halves exchanged", [s, r].concat()),
            ("the first half alone", r.to_vec()),
            ("the first half twice", [r, r].concat()),
            ("without r", [&zero[..], s].concat()),
            ("without s", [r, &zero[..]].concat()),
        ] {
            cases.case(what, Door::Key(door), parts.signed_by(other), Err(BadSignature));
        }
    }
    cases
}

/// The number of points of P-256 and of P-384, and the prime of P-256, in hexadecimal.
const N_256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const N_384: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
                     581a0db248b0a77aecec196accc52973";
const P_256: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
        .collect()
}

/// A number of so many bytes, and this much more or less in the last one.
fn number(bytes: &[u8], step: i8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let last = bytes.last_mut().unwrap();
    *last = last.checked_add_signed(step).unwrap();
    bytes
}

/// ATK17: numbers outside of 1 to n-1, and the other form of signatures.
fn zeros() -> Cases {
    let mut cases = Cases::of("atk17");
    for (door, name, n) in [("ES256", "p256", hex(N_256)), ("ES384", "p384", hex(N_384))] {
        let parts = for_door(door, &json!(door));
        cases.case(format!("the right {door}"), Door::Key(door), parts.token(), Ok(()));
        let size = n.len();
        let small = |last: u8| [vec![0; size - 1], vec![last]].concat();
        let mut numbers = vec![
            ("0", small(0)),
            ("1", small(1)),
            ("n-1", number(&n, -1)),
            ("n", n.clone()),
            ("n+1", number(&n, 1)),
            ("all ones", vec![0xff; size]),
        ];
        if door == "ES256" {
            numbers.push(("p", hex(P_256)));
        }
        for (r_is, r) in &numbers {
            for (s_is, s) in &numbers {
                let token = parts.signed_by([r.as_slice(), s].concat());
                cases.case(
                    format!("r = {r_is}, s = {s_is}"),
                    Door::Key(door),
                    token,
                    Err(BadSignature),
                );
            }
        }
        let signature = Pen::of_file(name).sign(&format!("{}.{}", parts.header, parts.claims));
        let (r, s) = signature.split_at(size);
        let integer = |n: &[u8]| {
            let sign: &[u8] = if n[0] >= 0x80 { &[0] } else { &[] };
            [&[2, u8::try_from(n.len() + sign.len()).unwrap()], sign, n].concat()
        };
        let body = [integer(r), integer(s)].concat();
        let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
        cases.case("DER", Door::Key(door), parts.signed_by(&der), Err(BadSignature));
    }
    // Ed25519: s + L is the same number, written otherwise (RFC 8032, section 5.1.7).
    let parts = for_door("EdDSA", &json!("EdDSA"));
    let signature = Pen::of_file("ed25519").sign(&format!("{}.{}", parts.header, parts.claims));
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut larger = signature.clone();
    let mut carry = 0;
    for (byte, add) in larger[32..].iter_mut().zip(&order) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    let identity = [&[1][..], &[0; 31]].concat();
    for (what, other) in [
        ("s + L", larger),
        ("zeros", vec![0; 64]),
        ("ones", vec![0xff; 64]),
        ("the identity and 0", [identity.as_slice(), &[0; 32]].concat()),
        ("s = L", [&signature[..32], &order].concat()),
    ] {
        cases.case(what, Door::Key("EdDSA"), parts.signed_by(other), Err(BadSignature));
    }
    cases
}

/// JWT6 is held by what makes a verifier; here is what would come of it.
fn weak_secrets() -> Cases {
    let mut cases = Cases::of("jwt6");
    let with = |secret: &str| Forge::new().pen(Pen::hs256(secret)).token();
    for secret in [
        "",
        "secret",
        "password",
        "your-256-bit-secret",
        "changeme",
        "a-string-secret-at-least-256-bits-long",
    ] {
        cases.refused(format!("signed with `{secret}`"), with(secret), BadSignature);
    }
    cases.accepted("signed with a good one", with(SECRET));
    cases
}

/// ATK3: the secret as it is badly read or kept.
fn guessed() -> Cases {
    let mut cases = Cases::of("atk3");
    let with = |secret: String| Forge::new().pen(Pen::hs256(secret)).token();
    for (what, secret) in [
        ("a newline after it", format!("{SECRET}\n")),
        ("a carriage return after it", format!("{SECRET}\r\n")),
        ("a space before it", format!(" {SECRET}")),
        ("a mark before it", format!("\u{feff}{SECRET}")),
        ("in quotes", format!("\"{SECRET}\"")),
        ("its base64", encode_padded(SECRET)),
        ("in capitals", SECRET.to_ascii_uppercase()),
        ("twice", SECRET.repeat(2)),
        ("its start", SECRET[..16].to_owned()),
    ] {
        cases.refused(what, with(secret), BadSignature);
    }
    cases.accepted("as it is", with(SECRET.to_owned()));
    // HMAC fills up a short key with zeros, so that this is the same key.
    cases.accepted("zeros after it, as HMAC has them", with(format!("{SECRET}\0")));
    cases
}

/// ATK1: no signature.
fn unsigned() -> Cases {
    let mut cases = Cases::of("atk1");
    let right = Forge::new().parts();
    let message = |alg: &str| {
        let header = format!(r#"{{{alg}"typ":"JWT"}}"#);
        format!("{}.{}", encode(header), right.claims)
    };
    for alg in [
        r#""alg":"none","#,
        r#""alg":"None","#,
        r#""alg":"NONE","#,
        r#""alg":"nOnE","#,
        r#""alg":"none ","#,
        r#""alg":"","#,
        r#""alg":null,"#,
        r#""alg":["none"],"#,
        r#""alg":["HS256"],"#,
        r#""alg":false,"#,
        r#""alg":0,"#,
        r#""ALG":"HS256","#,
        "",
    ] {
        let message = message(alg);
        cases.refused(alg, format!("{message}."), AlgorithmNotAllowed);
        cases.refused(alg, format!("{message}.{}", right.signature), AlgorithmNotAllowed);
        cases.refused(format!("two parts: {alg}"), message, Malformed);
    }
    cases.refused("HS256 without a signature", message(r#""alg":"HS256","#) + ".", BadSignature);
    cases.refused("HS256 in two parts", message(r#""alg":"HS256","#), Malformed);
    cases.accepted("HS256 and its signature", right.token());
    cases
}

/// ATK2: a public key as a secret, and one algorithm under the name of another.
fn confused() -> Cases {
    let mut cases = Cases::of("atk2");
    let jwks = sandbar_testkit::fixture("tokens/keys/jwk.json");
    let jwks: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(jwks).unwrap()).unwrap();
    for (door, name, kid) in [
        ("RS256", "rsa2048", "rs"),
        ("PS256", "rsa2048", "ps"),
        ("ES256", "p256", "es"),
        ("EdDSA", "ed25519", "ed"),
    ] {
        let text = pem(name);
        let der = pem_bytes(name);
        let secrets: [(&str, Vec<u8>); 9] = [
            ("PEM", text.clone().into()),
            ("PEM without its newline", text.trim_end().into()),
            ("PEM in one line", text.replace('\n', "").into()),
            ("PEM with Windows' newlines", text.replace('\n', "\r\n").into()),
            ("PEM after a newline", format!("\n{text}").into()),
            ("its base64", encode_padded(&der).into()),
            ("DER", der),
            ("JWK", jwks[name].to_string().into()),
            ("nothing", Vec::new()),
        ];
        for (form, secret) in secrets {
            let what = format!("{form} of {name} as a secret");
            let pen = || Pen::hs256(&secret);
            let token = Forge::new().pen(pen()).token();
            cases.case(&what, Door::Key(door), token, Err(AlgorithmNotAllowed));
            let named = Forge::new().header_and(&format!(r#""kid":"{kid}""#)).pen(pen()).token();
            cases.case(&what, Door::Ring, named, Err(AlgorithmNotAllowed));
            let said = Forge::new().header(json!({"alg": door}).to_string()).pen(pen()).token();
            cases.case(
                format!("{what}, said to be {door}"),
                Door::Key(door),
                said,
                Err(BadSignature),
            );
        }
    }
    // RSA: what is signed in one way, said to be signed in another, by another library.
    let doors = KEYED.iter().filter(|name| name.starts_with("RS") || name.starts_with("PS"));
    for (what, token) in elsewhere("confused") {
        let said = what.rsplit(' ').next().unwrap().to_owned();
        let door = doors.clone().find(|name| **name == said).unwrap();
        cases.case(what, Door::Key(door), token.as_str().unwrap(), Err(BadSignature));
    }
    let right = elsewhere("signed")["RS256"].as_str().unwrap().to_owned();
    cases.case("RS256", Door::Key("RS256"), right, Ok(()));
    cases
}

/// ATK15: what is not signed is not read, whatever it says.
fn before_claims() -> Cases {
    let mut cases = Cases::of("atk15");
    for claims in [
        "",
        "[",
        "[]",
        "null",
        r#"{"a":1,"a":2}"#,
        "{}",
        r#"{"iat":0}"#,
        r#"{"iat":"now","email":"ana@shop.test"}"#,
        r#"{"iat":1,"email":"nobody"}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test","exp":1}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test","nbf":9999999999}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test","groups":"all"}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test","scope":7}"#,
        "\u{feff}{}",
    ] {
        let token = Forge::new().claims(claims).pen(Pen::hs256(OTHER_SECRET)).token();
        cases.refused(claims, token, BadSignature);
    }
    cases.accepted("signed", Forge::new().token());
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let token = Forge::new().claims(deep).pen(Pen::hs256(OTHER_SECRET)).token();
    cases.refused("deep claims of a stranger", token, BadSignature);
    cases
}
