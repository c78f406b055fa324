//! How the program speaks: usage, colors, and nothing on a pipe that is for a terminal.

use crate::{Account, ran, run};

const ESCAPE: char = '\u{1b}';

#[test]
fn what_is_called_wrongly_ends_with_two() {
    run(&["query"]).refused(2, &["--as"]);
    run(&["query", "revenue"]).refused(2, &["--as"]);
    run(&["query", "revenue", "--as", "bob"]).refused(2, &["`bob`", "ana, wei, vic, nia"]);
    run(&["query", "revenue", "--as", "ana", "--format", "xml"]).refused(2, &["parquet"]);
    run(&["query", "revenue", "--as", "ana", "--when", "soon"]).refused(2, &["previous quarter"]);
    run(&["query", "revenue", "--as", "ana", "--by", "created_at:eon"]).refused(2, &["month"]);
    run(&["query", "nothing.json", "--as", "ana"]).refused(2, &["nothing.json"]);
    run(&["query", "{}", "--by", "status", "--as", "ana"]).refused(2, &["`--by` and `--when`"]);
    run(&["query", "revenue", "--as", "ana", "--attribute", "x"]).refused(2, &["NAME=VALUE"]);
    run(&["check", "--policies", "fixtures/shop/policies.yaml"]).refused(2, &["--model"]);
    run(&["check", "--model", "fixtures/nothing.yaml"]).refused(2, &["fixtures/nothing.yaml"]);
    run(&["check", "--model", "fixtures/shop", "--today"]).refused(2, &["--today"]);
    run(&["dance"]).refused(2, &["dance"]);
}

#[test]
fn help_and_version_are_results() {
    let help = run(&["--help"]).ends(0, &[]);
    for command in ["query", "explain", "check", "policy", "token", "serve"] {
        assert!(help.text().contains(command), "{}", help.text());
    }
    assert_eq!(help.err, "");
    let version = run(&["--version"]).ends(0, &[]);
    assert_eq!(version.text(), concat!("sandbar ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn there_are_no_colors_where_there_is_no_terminal() {
    let calls: [&[&str]; 5] = [
        &[],
        &["--help"],
        &["query"],
        &["query", "revenue", "--as", "ana"],
        &["check", "--model", "fixtures/invalid/53-everything-at-once"],
    ];
    for args in calls {
        let ran = run(args);
        assert!(!ran.text().contains(ESCAPE), "{args:?}: {}", ran.text());
        assert!(!ran.err.contains(ESCAPE), "{args:?}: {}", ran.err);
    }
}

#[test]
fn no_color_is_respected_where_colors_are_wanted() {
    let account = Account::new();
    let colored = ran(account.command(&["query"]).env("CLICOLOR_FORCE", "1"));
    assert!(colored.err.contains(ESCAPE), "this test sees nothing: {}", colored.err);
    let plain = ran(account.command(&["query"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
    assert!(!plain.err.contains(ESCAPE), "{}", plain.err);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let account = Account::new();
    let mut child = account
        .command(&["query", r#"{"table": "orders"}"#, "--as", "ana", "--format", "csv"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
}
