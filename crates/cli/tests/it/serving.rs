//! `serve`: the line that says it is ready, and the door behind it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Account, ran};

/// A served project; it is stopped when dropped.
pub(crate) struct Served {
    child: Child,
    first: String,
}

impl Served {
    pub(crate) fn start(account: &Account, args: &[&str]) -> Self {
        let mut all = vec!["serve", "--port", "0"];
        all.extend(args);
        let mut command = account.command(&all);
        let err = File::create(account.state().join("stderr")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(err).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        Self { child, first }
    }

    /// Tells it to read its keys again.
    #[cfg(unix)]
    pub(crate) fn hang_up(&self) {
        let pid = self.child.id().to_string();
        let told = std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(told.success());
    }

    /// Tells it to end.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let told = std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(told.success());
    }

    /// The code with which it ends by itself.
    #[cfg(unix)]
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// The address of the ready line.
    fn address(&self) -> &str {
        let address = self.first.strip_prefix("READY url=http://").expect(&self.first);
        address.split(' ').next().unwrap()
    }

    /// Asks, and gives the status and the JSON of the answer.
    pub(crate) fn ask(&self, request: &str, headers: &[String], body: &str) -> (u16, Value) {
        let (status, json) = self.ask_text(request, headers, body);
        (status, serde_json::from_str(&json).unwrap_or_else(|_| panic!("{json}")))
    }

    /// The same with the text of the answer, which may be no JSON.
    pub(crate) fn ask_text(&self, request: &str, headers: &[String], body: &str) -> (u16, String) {
        exchange(self.address(), request, headers, body)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks at an address, and gives the status and the text of the answer.
fn exchange(address: &str, request: &str, headers: &[String], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut text = format!("{request} HTTP/1.1\r\nHost: {address}\r\n");
    text.push_str(&format!("Connection: close\r\nContent-Length: {}\r\n", body.len()));
    headers.iter().for_each(|header| text.push_str(&format!("{header}\r\n")));
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (status, if chunked { unchunked(body) } else { body.to_owned() })
}

/// The text of chunks, each after a line with its length in hexadecimal.
fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        text.push_str(&rest[..length]);
        body = rest[length..].strip_prefix("\r\n").unwrap();
    }
    text
}

#[test]
fn it_says_that_it_is_ready_and_answers_with_everybodys_rights() {
    let account = Account::new();
    let served = Served::start(&account, &[]);
    assert!(served.first.ends_with(" models=1 errors=0\n"), "{}", served.first);
    assert!(served.address().starts_with("127.0.0.1:"), "{}", served.first);
    let (status, health) = served.ask("GET /health", &[], "");
    assert_eq!((status, &health["status"]), (200, &json!("ok")), "{health}");

    let question = json!({ "metrics": ["revenue"], "group_by": ["product.category"] }).to_string();
    let ask = |who: &str| {
        let token = account.run(&["token", who]).ends(0, &[]);
        let bearer = format!("Authorization: Bearer {}", token.text().trim_end());
        let headers = ["Content-Type: application/json".to_owned(), bearer];
        served.ask("POST /api/agent/query", &headers, &question)
    };
    let (status, answer) = ask("wei");
    assert_eq!((status, answer["rows"].as_array().unwrap().len()), (200, 5), "{answer}");
    assert_eq!(answer["scoped"], json!(true), "{answer}");
    let (status, refused) = ask("vic");
    assert_eq!((status, &refused["code"]), (404, &json!("Q0101")), "{refused}");
    let headers = ["Content-Type: application/json".to_owned()];
    assert_eq!(served.ask("POST /api/agent/query", &headers, &question).0, 401);
}

#[test]
fn the_ready_line_counts_the_model_files() {
    let account = Account::new();
    let folder = account.state().join("models");
    fs::create_dir(&folder).unwrap();
    let field = "primary_key: [id], fields: { id: {} }";
    fs::write(folder.join("a.yaml"), format!("tables: {{ people: {{ {field} }} }}")).unwrap();
    fs::write(folder.join("b.yaml"), format!("tables: {{ orders: {{ {field} }} }}")).unwrap();
    fs::write(folder.join("policies.yaml"), "groups: { staff: {} }").unwrap();
    let served = Served::start(&account, &["--model", folder.to_str().unwrap(), "--shop-data"]);
    assert!(served.first.ends_with(" models=2 errors=0\n"), "{}", served.first);
}

#[test]
fn what_has_problems_is_not_served() {
    let account = Account::new();
    let invalid = "fixtures/invalid/34-unknown-names";
    let run = account.run(&["serve", "--port", "0", "--model", invalid, "--shop-data"]);
    run.refused(1, &["M0102"]);
}

#[test]
fn the_development_secret_is_for_loopback_addresses() {
    let account = Account::new();
    for host in ["192.0.2.1", "0.0.0.0", "::"] {
        let run = account.run(&["serve", "--port", "0", "--host", host]);
        run.refused(2, &["loopback", "SANDBAR_JWT_SECRET", "--jwt-secret-file"]);
    }
    assert_eq!(fs::read_dir(account.state()).unwrap().count(), 0, "a secret is made for nothing");
    // With a secret of one's own the address itself is tried; this one is nobody's.
    let mut command = account.command(&["serve", "--port", "0", "--host", "192.0.2.1"]);
    let secret = "of the environment: 0123456789abcdef0123456";
    ran(command.env("SANDBAR_JWT_SECRET", secret)).refused(2, &["192.0.2.1:0"]);
}

/// Whoever asks hears that a source cannot be read; whoever serves hears which, and why.
#[test]
fn what_goes_wrong_on_this_side_is_told_to_the_operator() {
    let account = Account::new();
    let folder = account.state().join("models");
    fs::create_dir_all(folder.join("data")).unwrap();
    let model = "sources: { people: { format: csv, path: 'data/*.csv' } }
tables: { people: { primary_key: [id], fields: { id: {}, name: {} } } }";
    let policies = "groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [people] } } }";
    fs::write(folder.join("model.yaml"), model).unwrap();
    fs::write(folder.join("policies.yaml"), policies).unwrap();
    fs::write(folder.join("data/a.csv"), "id,name\n1,Ada\n").unwrap();
    let served = Served::start(&account, &["--model", folder.to_str().unwrap()]);
    let token = account.run(&["token", "zoe@shop.test", "--group", "staff"]).ends(0, &[]);
    let ask = || {
        let bearer = format!("Authorization: Bearer {}", token.text().trim_end());
        let headers = ["Content-Type: application/json".to_owned(), bearer];
        served.ask("POST /api/agent/query", &headers, r#"{"table":"people"}"#)
    };
    assert_eq!(ask().0, 200);
    let told = || fs::read_to_string(account.state().join("stderr")).unwrap();
    assert!(!told().contains("ERROR"), "{}", told());

    fs::write(folder.join("data/b.csv"), "id,nam\n2,Bob\n").unwrap();
    let (status, answer) = ask();
    assert_eq!((status, &answer["code"]), (502, &json!("E0305")), "{answer}");
    assert!(!answer.to_string().contains("b.csv"), "{answer}");
    let told = told();
    for words in ["ERROR", "E0305", "b.csv", "`name`"] {
        assert!(told.contains(words), "`{words}` is not in {told}");
    }

    // So does whoever asks on the command line, where the files are his.
    fs::write(folder.join("data/b.csv"), "id,name\n1,Bob\n").unwrap();
    let model = folder.join("model.yaml");
    let visits = "sources: { people: { format: csv, path: 'data/*.csv' } }
tables:
  people:
    primary_key: [id]
    fields: { id: {}, name: {} }
    relationships: { self: { to: people, on: { id: id }, cardinality: many_to_one } }";
    fs::write(&model, visits).unwrap();
    let question = r#"{"table":"people","fields":["self.name"]}"#;
    let folder = folder.to_str().unwrap();
    let args = ["query", question, "--as", "zoe@shop.test", "--group", "staff", "--model", folder];
    account.run(&args).refused(1, &["E0306", "because: ", "`people`", "`id`"]);
}

/// Counts are served on an address of their own, and the end is told before it comes.
#[cfg(unix)]
#[test]
fn what_is_counted_and_the_end_are_told_to_whoever_runs_it() {
    let account = Account::new();
    let config = account.state().join("server.yaml");
    fs::write(&config, "drain: 4\nmetrics: { port: 0 }\n").unwrap();
    let mut served = Served::start(&account, &["--config", config.to_str().unwrap()]);
    assert_eq!(served.ask("GET /ready", &[], "").0, 200);
    assert_eq!(served.ask("GET /metrics", &[], "").0, 404);
    let told = fs::read_to_string(account.state().join("stderr")).unwrap();
    let line = told.lines().find_map(|line| line.split_once("what is counted: http://"));
    let (address, path) = line.expect(&told).1.split_once('/').unwrap();
    let (status, counts) = exchange(address, &format!("GET /{path}"), &[], "");
    let of = "sandbar_http_requests_total{method=\"GET\",route=\"/ready\",status=\"200\"} 1";
    assert!(status == 200 && counts.lines().any(|line| line == of), "{counts}");

    served.terminate();
    let (mut status, mut ready) = served.ask("GET /ready", &[], "");
    while status == 200 {
        (status, ready) = served.ask("GET /ready", &[], "");
    }
    assert_eq!((status, &ready["code"]), (503, &json!("H0110")));
    assert_eq!(served.ask("GET /health", &[], "").0, 200);
    assert_eq!(served.ended(), Some(0));
}
