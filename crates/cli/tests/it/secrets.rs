//! `token`, and where its secret comes from: a file, the environment, or one made for development.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use sandbar::{AttributeValue, Principal, Verifier};

use crate::{Account, ran};

const OF_THE_FILE: &str = "of the file: 0123456789abcdef0123456789abcdef";
const OF_THE_ENVIRONMENT: &str = "of the environment: 0123456789abcdef0123456";

/// Who a token says that somebody is, if it was signed with this secret.
fn bearer(token: &str, secret: &str) -> Option<Principal> {
    let now = crate::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Verifier::hs256(secret.as_bytes()).unwrap().verify(token.trim_end(), now).ok()
}

fn development_file(account: &Account) -> PathBuf {
    account.state().join("sandbar").join("development-jwt-secret")
}

#[test]
fn a_token_says_who_somebody_is() {
    let account = Account::new();
    let args = ["token", "zoe@shop.test", "--group", "staff", "--attribute", r#"states=["CA"]"#];
    let ran = ran(account.command(&args).env("SANDBAR_JWT_SECRET", OF_THE_ENVIRONMENT));
    let ran = ran.ends(0, &[]);
    assert_eq!(ran.err, "");
    let zoe = bearer(ran.text(), OF_THE_ENVIRONMENT).unwrap();
    assert_eq!(zoe.subject(), "zoe@shop.test");
    assert_eq!(zoe.groups().iter().map(|group| &**group).collect::<Vec<_>>(), ["staff"]);
    let states = AttributeValue::List(vec![AttributeValue::from("CA")]);
    assert_eq!(zoe.attribute("states"), Some(&states));
}

#[test]
fn the_file_comes_before_the_environment_and_both_before_the_development_secret() {
    let account = Account::new();
    let file = account.state().join("secret");
    std::fs::write(&file, format!("{OF_THE_FILE}\n")).unwrap();
    let args = ["token", "wei", "--jwt-secret-file", file.to_str().unwrap()];
    let both = ran(account.command(&args).env("SANDBAR_JWT_SECRET", OF_THE_ENVIRONMENT));
    assert!(bearer(both.ends(0, &[]).text(), OF_THE_FILE).is_some());
    let one = ran(account.command(&["token", "wei"]).env("SANDBAR_JWT_SECRET", OF_THE_ENVIRONMENT));
    let one = one.ends(0, &[]);
    assert!(bearer(one.text(), OF_THE_ENVIRONMENT).is_some());
    assert!(bearer(one.text(), OF_THE_FILE).is_none());
    assert!(!development_file(&account).exists(), "a development secret was made for nothing");
}

#[test]
fn a_secret_that_is_weak_or_missing_is_refused() {
    let account = Account::new();
    ran(account.command(&["token", "wei"]).env("SANDBAR_JWT_SECRET", "secret")).refused(2, &[]);
    ran(account.command(&["token", "wei"]).env("SANDBAR_JWT_SECRET", "")).refused(2, &[]);
    account
        .run(&["token", "wei", "--jwt-secret-file", "no/such/file"])
        .refused(2, &["no/such/file"]);
}

#[test]
fn the_development_secret_is_made_once() {
    let account = Account::new();
    let first = account.run(&["token", "wei"]).ends(0, &["made a development secret in"]);
    let secret = std::fs::read_to_string(development_file(&account)).unwrap();
    assert_eq!(secret.len(), 64, "32 bytes in hexadecimal");
    assert!(!first.err.contains(&secret) && !first.text().contains(&secret), "it is shown");
    let second = account.run(&["token", "vic"]).ends(0, &[]);
    assert_eq!(second.err, "");
    for (token, email) in [(first, "wei@shop.test"), (second, "vic@partner.test")] {
        assert_eq!(bearer(token.text(), &secret).unwrap().subject(), email);
    }
    let other = Account::new();
    other.run(&["token", "wei"]).ends(0, &[]);
    assert_ne!(std::fs::read_to_string(development_file(&other)).unwrap(), secret);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_development_secret() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let account = Account::new();
    account.run(&["token", "wei"]).ends(0, &[]);
    let file = development_file(&account);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(format!("{:o}", mode(&file)), "600");
    assert_eq!(format!("{:o}", mode(file.parent().unwrap())), "700");
    for open in [0o640, 0o604, 0o660, 0o644] {
        set_permissions(&file, Permissions::from_mode(open)).unwrap();
        let mode = format!("mode {open:03o}");
        account.run(&["token", "wei"]).refused(2, &["others can read this secret", &mode]);
        account.run(&["serve", "--port", "0"]).refused(2, &["others can read this secret"]);
    }
    set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    account.run(&["token", "wei"]).ends(0, &[]);
}
