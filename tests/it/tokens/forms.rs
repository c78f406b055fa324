//! How a token is written: its alphabet, its parts, its JSON, its size.

use sandbar_auth::TokenRefusal::{
    BadEmail, BadIat, DuplicateKey, Malformed, MissingEmail, MissingIat, TooComplex, TooLarge,
};
use sandbar_testkit::forge::{Forge, NOW, Parts, Pen, SECRET, encode};

use super::Cases;
use super::doors::Door;

pub(super) fn cases() -> Vec<Cases> {
    vec![encodings(), alphabet(), shapes(), bombs(), ambiguous(), spellings()]
}

const CLAIMS: &str = r#"{"iat":1782864000,"email":"ana@shop.test"}"#;

/// JWT8: UTF-8 without a mark.
fn encodings() -> Cases {
    let mut cases = Cases::of("jwt8");
    let wide = |text: &str, little: bool| -> Vec<u8> {
        let units = text.encode_utf16();
        units.flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
    };
    let header = r#"{"alg":"HS256"}"#;
    let broken = |bytes: &[u8]| {
        [br#"{"iat":1782864000,"email":"ana@shop.test","x":""#, bytes, br#""}"#].concat()
    };
    let mut texts: Vec<(&str, Vec<u8>)> = vec![
        ("UTF-16", wide(CLAIMS, true)),
        ("UTF-16, the other way", wide(CLAIMS, false)),
        ("UTF-16 with a mark", [&[0xff, 0xfe], &*wide(CLAIMS, true)].concat()),
        ("UTF-32", CLAIMS.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()),
        ("a mark", [&[0xef, 0xbb, 0xbf], CLAIMS.as_bytes()].concat()),
    ];
    for (what, bytes) in [
        ("a byte that is none", &[0xff][..]),
        ("a byte of Latin-1", &[0xe9]),
        ("a lone start", &[0xc3]),
        ("a lone rest", &[0x80]),
        ("two bytes for a slash", &[0xc0, 0xaf]),
        ("three bytes for a slash", &[0xe0, 0x80, 0xaf]),
        ("two bytes for NUL", &[0xc0, 0x80]),
        ("a high surrogate", &[0xed, 0xa0, 0x80]),
        ("a pair of surrogates", &[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]),
        ("beyond Unicode", &[0xf4, 0x90, 0x80, 0x80]),
        ("five bytes", &[0xf8, 0x88, 0x80, 0x80, 0x80]),
    ] {
        texts.push((what, broken(bytes)));
    }
    for (what, bytes) in texts {
        cases.refused(what, Forge::new().claims(bytes).token(), Malformed);
    }
    for (what, bytes) in [
        ("a header in UTF-16", wide(header, true)),
        ("a header with a mark", [&[0xef, 0xbb, 0xbf], header.as_bytes()].concat()),
        (
            "a header with a byte that is none",
            [br#"{"alg":"HS256","x":""#, &[0xff][..], br#""}"#].concat(),
        ),
    ] {
        cases.refused(what, Forge::new().header(bytes).token(), Malformed);
    }
    for escape in [r"\ud800", r"\udc00", r"\ud83d\u0041", r"\u12", r"\x41"] {
        cases.claims(Door::Plain, &format!(r#""x":"{escape}""#), Err(Malformed));
    }
    cases.claims(Door::Plain, r#""x":"é\ud83d\ude00""#, Ok(()));
    cases.claims(Door::Plain, "\"x\":\"\u{feff}\u{1f600}\"", Ok(()));
    cases
}

/// JWT14: `A-Z a-z 0-9 - _`, and exactly two points.
fn alphabet() -> Cases {
    let mut cases = Cases::of("jwt14");
    let Parts { header, claims, signature } = Forge::new().parts();
    let right = format!("{header}.{claims}.{signature}");
    cases.accepted("as it is", &*right);
    let beyond =
        ['\u{80}', 'é', '\u{17f}', '\u{212a}', '\u{ff0e}', '\u{3002}', '\u{200b}', '\u{1f600}'];
    for (at, foreign) in (0..=127_u8).map(char::from).chain(beyond).enumerate() {
        if foreign.is_ascii_alphanumeric() || matches!(foreign, '-' | '_' | '.') {
            continue;
        }
        let (start, end) = claims.split_at(at % claims.len());
        for (place, token) in [
            ("before", format!("{foreign}{right}")),
            ("after", format!("{right}{foreign}")),
            ("inside", format!("{header}.{start}{foreign}{end}.{signature}")),
        ] {
            cases.refused(format!("{foreign:?} {place}"), token, Malformed);
        }
    }
    for foreign in ["\r\n", "%2e", "&#46;", "\\u002e"] {
        cases.refused(foreign, right.replace('.', foreign), Malformed);
    }
    cases
}

/// ATK6: other forms, and other numbers of parts.
fn shapes() -> Cases {
    let mut cases = Cases::of("atk6");
    let parts = Forge::new().parts();
    let right = parts.token();
    let Parts { header, claims, signature } = parts.clone();
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.clone(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}."),
        format!(".{header}.{claims}.{signature}"),
        format!("{header}..{claims}.{signature}"),
        format!("{header}.{claims}..{signature}"),
        format!("{right}.{signature}"),
        format!("{right}.{claims}.{signature}"),
        format!("{right}.{right}"),
        format!(".{claims}.{signature}"),
        format!("Bearer {right}"),
        format!("\"{right}\""),
        format!(r#"{{"payload":"{claims}","protected":"{header}","signature":"{signature}"}}"#),
        format!(
            r#"{{"payload":"{claims}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
        ),
        format!("{header}.{claims}.{signature}~"),
        format!("{right}~{right}~"),
    ] {
        let what: String = token.chars().take(40).collect();
        cases.refused(what, token, Malformed);
    }
    cases.refused("a token inside of a token", Forge::new().claims(&right).token(), Malformed);
    let quoted = format!("\"{right}\"");
    cases.refused("a token as a JSON text", Forge::new().claims(quoted).token(), Malformed);
    let header = r#"{"alg":"HS256","cty":"JWT"}"#;
    let nested = Forge::new().header(header).claims(&right).token();
    cases.refused("said to be nested", nested, Malformed);
    cases.refused("no claims", Forge::new().claims("").token(), Malformed);
    cases.refused("no header", Forge::new().header("").token(), Malformed);
    cases.accepted("three parts", right);
    cases
}

/// A right token of exactly so many bytes.
fn of_length(length: usize) -> String {
    let filled = |n: usize| Forge::new().and(&format!(r#""x":"{}""#, "a".repeat(n))).token();
    // Three bytes make four characters; the header's length tips the rest.
    let near = (length * 3 / 4).saturating_sub(150);
    let found = (near..near + 120).map(filled).find(|token| token.len() == length);
    found.unwrap_or_else(|| {
        let header = r#"{"alg":"HS256" }"#;
        let other = |n: usize| {
            let claims =
                format!(r#"{{"iat":{NOW},"email":"ana@shop.test","x":"{}"}}"#, "a".repeat(n));
            Forge::new().header(header).claims(claims).token()
        };
        (near..near + 120).map(other).find(|token| token.len() == length).unwrap()
    })
}

/// ATK7: what would take long is found to be too much first.
fn bombs() -> Cases {
    let mut cases = Cases::of("atk7");
    cases.accepted("8 KiB", of_length(8_192));
    cases.refused("a byte more", of_length(8_193), TooLarge);
    for (what, token) in [
        ("16 KiB", "a".repeat(16 << 10)),
        ("1 MiB", "a".repeat(1 << 20)),
        ("8 million points", ".".repeat(8_000_000)),
        ("a long header", format!("{}.e30.AA", "e".repeat(100_000))),
        ("a long signature", format!("e30.e30.{}", "A".repeat(100_000))),
    ] {
        cases.refused(what, token, TooLarge);
    }
    cases.refused("8 KiB of points", ".".repeat(8_192), Malformed);
    let many =
        |count: usize| (0..count).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",");
    cases.refused("100,000 keys", Forge::new().and(&many(100_000)).token(), TooLarge);
    cases.claims(Door::Plain, &many(400), Ok(()));
    let groups = format!(r#""groups":[{}"a"]"#, r#""a","#.repeat(999_999));
    cases.refused("a million groups", Forge::new().and(&groups).token(), TooLarge);
    // The claims are the first level.
    let deep =
        |levels: usize| format!(r#""x":{}1{}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
    cases.claims(Door::Plain, &deep(32), Ok(()));
    for levels in [33, 64, 128, 129, 1_000, 2_900] {
        cases.claims(Door::Plain, &deep(levels), Err(TooComplex));
    }
    let objects = format!(r#""x":{}1{}"#, r#"{"a":"#.repeat(40), "}".repeat(40));
    cases.claims(Door::Plain, &objects, Err(TooComplex));
    let header = format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    cases.refused("a deep header", Forge::new().header(header).token(), TooComplex);
    let deeper = format!(r#""x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    cases.refused("100,000 levels", Forge::new().and(&deeper).token(), TooLarge);
    cases
}

/// ATK8: JSON that two readers read differently.
fn ambiguous() -> Cases {
    let mut cases = Cases::of("atk8");
    for members in [
        r#""email":"root@shop.test""#,
        r#""em\u0061il":"root@shop.test""#,
        r#""\u0065mail":"root@shop.test""#,
        r#""iat":1"#,
        r#""i\u0061t":1782864000"#,
        r#""groups":[],"groups":["all"]"#,
        r#""x":{"a":1,"a":1}"#,
        r#""x":[0,{"b":1,"b":2}]"#,
        r#""x":{"y":{"":1,"":1}}"#,
        r#""scope":"","scope":"agent:*""#,
        r#""attributes":{"tenant":"a","ten\u0061nt":"b"}"#,
    ] {
        cases.claims(Door::Plain, members, Err(DuplicateKey));
    }
    for header in [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
    ] {
        cases.refused(header, Forge::new().header(header).token(), DuplicateKey);
    }
    for claims in [
        "null",
        "true",
        "1",
        r#""text""#,
        "[]",
        r#"[1782864000,"ana@shop.test"]"#,
        r#"[{"iat":1782864000,"email":"ana@shop.test"}]"#,
        r#" {"iat":1782864000,"email":"ana@shop.test"}"#,
        "\n{\"iat\":1782864000,\"email\":\"ana@shop.test\"}",
        r#"{"iat":1782864000,"email":"ana@shop.test"}x"#,
        r#"{"iat":1782864000,"email":"ana@shop.test"}{}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test"},"#,
        "{\"iat\":1782864000,\"email\":\"ana@shop.test\"}\0",
        r#"{"iat":1782864000,"email":"ana@shop.test",}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test""#,
        r#"{"iat":1782864000 "email":"ana@shop.test"}"#,
        r#"{'iat':1782864000,'email':'ana@shop.test'}"#,
        r#"{iat:1782864000,email:"ana@shop.test"}"#,
        r#"{"iat":1782864000,"email":"ana@shop.test"/**/}"#,
        "{\"iat\":1782864000,\"email\":\"ana@shop.test\"}//",
        "{\"iat\":1782864000,\"email\":\"ana\n@shop.test\"}",
        "{\"iat\":1782864000,\"email\":\"ana@shop.test\",\"x\":\"\0\"}",
    ] {
        cases.refused(claims, Forge::new().claims(claims).token(), Malformed);
    }
    for number in
        ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "01", "+1", ".5", "5.", "0x10", "1_000"]
    {
        cases.claims(Door::Plain, &format!(r#""x":{number}"#), Err(Malformed));
    }
    let said = |iat: &str, email: &str| format!(r#"{{{iat},{email}}}"#);
    let (iat, email) = (r#""iat":1782864000"#, r#""email":"ana@shop.test""#);
    for (claims, why) in [
        (said(iat, r#""Email":"ana@shop.test""#), MissingEmail),
        (said(iat, r#""EMAIL":"ana@shop.test""#), MissingEmail),
        (said(iat, r#""email ":"ana@shop.test""#), MissingEmail),
        (said(r#""IAT":1782864000"#, email), MissingIat),
        (said(r#""Iat":1782864000"#, email), MissingIat),
        (said(r#""iat":-0"#, email), BadIat),
        (said(iat, r#""email":"ana\u0000@shop.test""#), BadEmail),
        (said(iat, r#""email":"ana@shop.test\u0000""#), BadEmail),
        (said(iat, r#""email":["ana@shop.test"]"#), BadEmail),
    ] {
        let what = claims.clone();
        cases.refused(what, Forge::new().claims(claims).token(), why);
    }
    cases.accepted("space after", Forge::new().claims(format!("{CLAIMS} \n\t")).token());
    cases.accepted(
        "another case is another claim",
        Forge::new().and(r#""Email":"root@shop.test""#).token(),
    );
    cases.accepted("escaped", Forge::new().claims(CLAIMS.replace("email", r"em\u0061il")).token());
    cases
}

/// ATK9: one spelling of the same bytes.
fn spellings() -> Cases {
    let mut cases = Cases::of("atk9");
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let Parts { header, claims, signature } = Forge::new().parts();
    // 32 bytes leave two bits of the last character, which are zero.
    let (start, last) = signature.split_at(signature.len() - 1);
    let at = alphabet.find(last).unwrap();
    assert_eq!((at % 4, signature.len()), (0, 43));
    for other in alphabet[at + 1..].chars().take(3) {
        let token = format!("{header}.{claims}.{start}{other}");
        cases.refused(format!("{last} as {other}"), token, Malformed);
    }
    for padded in [
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}.{signature}=="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}==.{signature}"),
    ] {
        cases.refused("padded", padded, Malformed);
    }
    let plain = |text: &str| text.replace('-', "+").replace('_', "/");
    let both = "?>?>?>~~~";
    let forge = Forge::new().and(&format!(r#""x":"{both}""#));
    let parts = forge.parts();
    assert!(
        parts.claims.contains('_')
            || parts.claims.contains('-')
            || parts.signature.contains(['-', '_'])
    );
    cases.accepted("with characters of its own", parts.token());
    cases.refused(
        "in the other alphabet",
        plain(&format!("{}.{}+.{}", parts.header, parts.claims, parts.signature)),
        Malformed,
    );
    // Rightly signed as it is written, with unused bits that are not zero.
    let pen = Pen::hs256(SECRET);
    for (what, text) in [("a header", r#"{"alg":"HS256"} "#), ("claims", CLAIMS)] {
        let text = if what == "claims" && encode(text).len() % 4 == 0 {
            format!("{text} ")
        } else {
            text.to_owned()
        };
        let exact = encode(&text);
        let spare = match exact.len() % 4 {
            2 => 16,
            3 => 4,
            _ => continue,
        };
        let (start, last) = exact.split_at(exact.len() - 1);
        let at = alphabet.find(last).unwrap();
        assert_eq!(at % spare, 0);
        let sign = |part: &str| {
            let message = if what == "claims" {
                format!("{header}.{part}")
            } else {
                format!("{part}.{claims}")
            };
            let signature = encode(pen.sign(&message));
            format!("{message}.{signature}")
        };
        cases.accepted(format!("{what} with no bit too many"), sign(&exact));
        for other in alphabet[at + 1..].chars().take(spare - 1) {
            cases.refused(
                format!("{what}: {last} as {other}"),
                sign(&format!("{start}{other}")),
                Malformed,
            );
        }
        cases.refused(format!("{what}: a character more"), sign(&format!("{exact}A")), Malformed);
    }
    for lookalike in ['\u{ff21}', '\u{0410}', '\u{2010}', '\u{2212}', '\u{ff3f}'] {
        let token = format!("{header}.{claims}.{lookalike}{}", &signature[1..]);
        cases.refused(format!("{lookalike}"), token, Malformed);
    }
    cases
}
