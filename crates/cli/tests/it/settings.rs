//! `serve --config`: a file of settings, checked as a whole, and what it comes to.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::serving::Served;
use crate::{Account, ran, root};

const SECRET: &str = "of the file: 0123456789abcdef0123456789abcdef";

/// A folder with these files.
fn folder(account: &Account, files: &[(&str, &str)]) -> String {
    let folder = account.state().join("settings");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    folder.join("server.yaml").to_str().unwrap().to_owned()
}

/// What is told of a file, with the line of each problem.
#[track_caller]
fn check(config: &str, files: &[(&str, &str)], told: &[&str]) {
    let account = Account::new();
    let mut all = files.to_vec();
    all.push(("server.yaml", config));
    let path = folder(&account, &all);
    account.run(&["serve", "--port", "0", "--config", &path]).refused(1, told);
}

fn key(name: &str) -> String {
    fs::read_to_string(root().join(format!("fixtures/tokens/keys/{name}.pem"))).unwrap()
}

#[test]
fn every_problem_of_a_file_is_told_at_once_with_its_place() {
    check(
        "format: 2
hosts: 127.0.0.1
auth:
  max_age: 0
  clock_skew: 61
  isuer: x
  claims: { email: sub, groups: sub, scope: iat }
  attributes_from_claims: { sub: a, x: b, y: b }
  algorithm: RS1
sessions: { lifetime: 9999999 }
limits: { failures: { burst: 0, per_minute: 1 } }
drain: 301
",
        &[],
        &[
            "A0200",
            "server.yaml:1:",
            "D0002",
            "server.yaml:2:",
            "did you mean `host`?",
            "A0201",
            "server.yaml:4:",
            "server.yaml:5:",
            "server.yaml:6:",
            "did you mean `issuer`?",
            "A0205",
            "server.yaml:7:",
            "server.yaml:8:",
            "A0203",
            "server.yaml:9:",
            "server.yaml:10:",
            "server.yaml:11:",
            "server.yaml:12:",
            "13 problems",
        ],
    );
}

/// Settings of limits: each name, the least and the most that it may be.
const BOUNDS: [(&str, u64, u64); 9] = [
    ("time", 1, 3_600),
    ("rows", 1, 10_000_000),
    ("memory", 1_048_576, 1_099_511_627_776),
    ("total_memory", 1_048_576, 1_099_511_627_776),
    ("running", 1, 1_024),
    ("per_principal", 1, 1_024),
    ("open", 1, 65_536),
    ("per_address", 1, 65_536),
    ("head", 1, 300),
];

/// A file with these numbers, one a line from the second on; the last three are of connections, of
/// which the line before says so.
fn limits(number: impl Fn(u64, u64) -> u64) -> String {
    let mut file = "limits:\n".to_owned();
    for (index, (name, least, most)) in BOUNDS.iter().enumerate() {
        if index == 6 {
            file.push_str("  connections:\n");
        }
        let indent = if index < 6 { "  " } else { "    " };
        file.push_str(&format!("{indent}{name}: {}\n", number(*least, *most)));
    }
    file
}

#[test]
fn limits_have_bounds() {
    let lines: Vec<String> =
        (2..=11).filter(|line| *line != 8).map(|line| format!("server.yaml:{line}:")).collect();
    let ranges: Vec<String> =
        BOUNDS.iter().map(|(_, least, most)| format!("is not from {least} to {most}")).collect();
    let mut told = vec!["A0201", "9 problems"];
    told.extend(lines.iter().chain(&ranges).map(String::as_str));
    check(&limits(|_, most| most + 1), &[], &told);
    check(&limits(|least, _| least - 1), &[], &told);
    // At them it is served.
    for file in [limits(|_, most| most), limits(|least, _| least)] {
        let account = Account::new();
        let path = folder(&account, &[("server.yaml", &file)]);
        let served = Served::start(&account, &["--config", &path]);
        assert_eq!(served.ask("GET /health", &[], "").0, 200, "{file}");
    }
}

#[test]
fn what_is_handed_out_can_be_given_to_whoever_has_the_key() {
    let account = Account::new();
    let key = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";
    let config = "token_key_file: key\nhidden: forbidden\nlimits: { rows: 2 }\n";
    let path = folder(&account, &[("server.yaml", config), ("key", &format!("{key}\n"))]);
    let (one, two) = (
        Served::start(&account, &["--config", &path]),
        Served::start(&account, &["--config", &path]),
    );
    let other = Served::start(&account, &[]);
    let headers = |who: &str| {
        let token = account.run(&["token", who]).ends(0, &[]);
        let bearer = format!("Authorization: Bearer {}", token.text().trim_end());
        ["Content-Type: application/json".to_owned(), bearer]
    };
    let wei = headers("wei");
    let construct = "POST /api/agent/v1/construct-query";
    let (status, made) = one.ask(construct, &wei, r#"{"table_id":2}"#);
    assert_eq!(status, 200, "{made}");
    let query = made.to_string();
    let (status, answer) = two.ask("POST /api/agent/v1/execute", &wei, &query);
    assert_eq!((status, &answer["status"]), (202, &json!("completed")), "{answer}");
    // No answer there has more rows.
    assert_eq!(answer["row_count"], json!(2), "{answer}");
    let refused = other.ask_text("POST /api/agent/v1/execute", &wei, &query);
    assert_eq!(refused.0, 400, "{refused:?}");
    // A vendor sees no people; one of the two says that there are some.
    let ask =
        |served: &Served| served.ask_text("GET /api/agent/v1/table/people", &headers("vic"), "");
    assert_eq!((ask(&one).0, ask(&other).0), (403, 404));
    for wrong in ["", &key[2..], &format!("{key}00"), &key.replace('0', "+"), "secret"] {
        let config = "token_key_file: key";
        check(config, &[("key", wrong)], &["A0203", "server.yaml:1:", "64 hexadecimal digits"]);
    }
    check("token_key_file: none", &[], &["A0203", "server.yaml:1:", "none"]);
    check("hidden: gone", &[], &["server.yaml:1:", "`forbidden`"]);
}

#[test]
fn what_a_file_names_is_looked_at() {
    let (rsa, weak, private) = (key("rsa2048"), key("rsa1024"), key("p256.private"));
    check(
        "auth:
  secret_file: public.pem
  keys:
    - { file: rsa.pem }
    - { file: weak.pem, algorithm: RS256 }
    - { file: private.pem }
    - { file: none.json }
    - { file: rsa.pem, algorithm: HS256 }
    - { file: rsa.pem, algorithm: PS256, id: é }
  people: { file: people.yaml }
api_keys:
  a: { digest: sbk_x }
  b: { digest: 7d9fd2051fc32b32feab10946fab6bb91426ab7e39aa5439289ed892864aa91d, expires: soon }
",
        &[
            ("public.pem", &key("p256")),
            ("rsa.pem", &rsa),
            ("weak.pem", &weak),
            ("private.pem", &private),
            ("people.yaml", "people: { ana: {}, b@c.test: {}, B@c.test: {} }"),
        ],
        &[
            "A0203",
            "server.yaml:2:",
            "A0202",
            "server.yaml:4:",
            "name one, such as `RS256`",
            "server.yaml:5:",
            "1024 bits",
            "server.yaml:6:",
            "private",
            "server.yaml:7:",
            "none.json",
            "server.yaml:8:",
            "another kind",
            "server.yaml:9:",
            "A0101",
            "A0102",
            "people.yaml:1:",
            "A0204",
            "server.yaml:12:",
            "64 hexadecimal digits",
            "server.yaml:13:",
            "`soon`",
            "11 problems",
        ],
    );
    for expires in ["2027-01-01T00:00:00-05:00[America/New_York]", "2026-12-31T23:59:60Z"] {
        let digest = "7d9fd2051fc32b32feab10946fab6bb91426ab7e39aa5439289ed892864aa91d";
        let config = format!("api_keys: {{ a: {{ digest: {digest}, expires: '{expires}' }} }}");
        check(&config, &[], &["A0204", expires, "2027-01-01T00:00:00Z"]);
    }
    check("auth: { people: { file: none.yaml } }", &[], &["A0206", "none.yaml"]);
    let twice = "auth: { keys: [{ file: p.pem, id: a }, { file: p.pem, id: a }] }";
    check(twice, &[("p.pem", &key("p256"))], &["A0202", "one id"]);
    check("auth: { secret_file: s }", &[("s", "secret")], &["A0203", "too short"]);
    check("auth: { algorithm: HS512 }", &[], &["A0203", "none is given"]);
    let hs512 = "auth: { secret_file: s, algorithm: HS512 }";
    check(hs512, &[("s", SECRET)], &["A0203", "too short"]);
    let account = Account::new();
    account.run(&["serve", "--config", "no/such.yaml"]).refused(2, &["no/such.yaml"]);
}

#[test]
fn a_file_says_what_is_served_and_the_command_line_comes_before_it() {
    let account = Account::new();
    let secret = account.state().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let people = "people: { wei@shop.test: {}, ana@shop.test: { active: false } }";
    let config = "port: 1
auth:
  secret_file: ../secret
  people: { file: people.yaml }
limits: { requests: { burst: 2, per_minute: 1 } }
";
    let path = folder(&account, &[("server.yaml", config), ("people.yaml", people)]);
    let served = Served::start(&account, &["--config", &path]);
    let ask = |who: &str, file: &Path| {
        let args = ["token", who, "--jwt-secret-file", file.to_str().unwrap()];
        let token = account.run(&args).ends(0, &[]);
        let bearer = format!("Authorization: Bearer {}", token.text().trim_end());
        served.ask("GET /api/agent/tables", &[bearer], "")
    };
    assert_eq!(ask("wei", &secret).0, 200);
    assert_eq!(ask("ana", &secret).0, 401, "she is out");
    assert_eq!(ask("vic", &secret).0, 401, "nobody knows him");
    assert_eq!(ask("wei", &secret).0, 200);
    let (status, body) = ask("wei", &secret);
    assert_eq!((status, &body["code"]), (429, &json!("A0302")), "{body}");
    // Another secret, said in the environment, comes before that of the file.
    let mut command = account.command(&["serve", "--port", "0", "--config", &path]);
    ran(command.env("SANDBAR_JWT_SECRET", "weak")).refused(2, &["too short"]);
}

#[test]
fn a_service_gets_in_with_its_key_alone() {
    let account = Account::new();
    let made = account.run(&["api-key"]).ends(0, &["api_keys:", "digest: "]);
    let word = made.text().trim_end().to_owned();
    assert!(word.starts_with("sbk_"), "{word}");
    let digest = made.err.split("digest: ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let config = format!("api_keys:\n  bot: {{ digest: {digest}, groups: [analysts] }}\n");
    let path = folder(&account, &[("server.yaml", &config)]);
    let served = Served::start(&account, &["--config", &path]);
    let ask = |word: &str| served.ask("GET /api/agent/tables", &[format!("X-API-Key: {word}")], "");
    let (status, body) = ask(&word);
    assert_eq!(status, 200, "{body}");
    assert!(!body["tables"].as_array().unwrap().is_empty(), "{body}");
    assert_eq!(ask(&digest).0, 401);
    // Failures of one address are limited: 20 at once, of which one is spent.
    let codes: Vec<u16> = (0..25).map(|_| ask("sbk_x").0).collect();
    assert_eq!(codes.iter().filter(|code| **code == 401).count() + 1, 20, "{codes:?}");
    assert_eq!(codes.last(), Some(&429));
}

#[test]
fn keys_of_others_are_enough_to_listen_anywhere() {
    let account = Account::new();
    let keys = root().join("fixtures/tokens/keys/p256.pem");
    let args = ["serve", "--port", "0", "--host", "192.0.2.1", "--jwks", keys.to_str().unwrap()];
    // The address is nobody's, so that it is tried and fails; no secret is made for it.
    account.run(&args).refused(2, &["192.0.2.1:0"]);
    assert!(!account.state().join("sandbar").exists(), "a secret is made for nothing");
    let path = folder(&account, &[("server.yaml", "host: 0.0.0.0\n")]);
    account.run(&["serve", "--port", "0", "--config", &path]).refused(2, &["loopback", "0.0.0.0"]);
    let rsa = root().join("fixtures/tokens/keys/rsa2048.pem");
    let args = ["serve", "--port", "0", "--jwks", rsa.to_str().unwrap()];
    account.run(&args).refused(2, &["rsa2048.pem", "does not say its algorithm"]);
}

#[cfg(unix)]
#[test]
fn keys_and_people_are_read_again_when_it_is_told_to() {
    let account = Account::new();
    let other = "of another file: 0123456789abcdef0123456789abcdef";
    let config = "auth: { secret_file: secret, people: { file: people.yaml } }
limits: { failures: { burst: 1000000, per_minute: 1 } }
";
    let files = [
        ("server.yaml", config),
        ("secret", SECRET),
        ("people.yaml", "people: { wei@shop.test: {} }"),
    ];
    let path = folder(&account, &files);
    let served = Served::start(&account, &["--config", &path]);
    let token = |who: &str, secret: &str| {
        let mut command = account.command(&["token", who]);
        let token = ran(command.env("SANDBAR_JWT_SECRET", secret)).ends(0, &[]);
        format!("Authorization: Bearer {}", token.text().trim_end())
    };
    let ask = |bearer: &str| served.ask("GET /api/agent/tables", &[bearer.to_owned()], "").0;
    let (wei, ana) = (token("wei", SECRET), token("ana", other));
    assert_eq!((ask(&wei), ask(&ana)), (200, 401));
    let stderr = || fs::read_to_string(account.state().join("stderr")).unwrap();
    let told = |words: &str| {
        served.hang_up();
        // It reads when it gets to it.
        let waited = (0..400).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(25));
            stderr().contains(words)
        });
        assert!(waited, "`{words}` is not in {}", stderr());
    };
    // With a problem nothing changes.
    folder(&account, &[("secret", other), ("people.yaml", "people: { ana: {} }")]);
    told("nothing has changed, because:");
    assert!(stderr().contains("A0101"), "{}", stderr());
    assert_eq!((ask(&wei), ask(&ana)), (200, 401));
    folder(&account, &[("people.yaml", "people: { ana@shop.test: {}, wei@shop.test: {} }")]);
    told("keys, people and services are read again");
    assert_eq!((ask(&wei), ask(&ana)), (401, 200));
}
