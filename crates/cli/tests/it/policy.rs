//! `policy`: cases, differences, and what policies leave open, as an author calls for them.

use std::fs;

use crate::{Account, run};

const SHOP: [&str; 3] = ["--model", "fixtures/shop", "--shop-data"];
const CASES: &str = "fixtures/shop/cases.yaml";

/// A file in the account's folder.
fn written(account: &Account, name: &str, text: &str) -> String {
    let file = account.state().join(name);
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn the_cases_of_the_shop_hold_whichever_way_it_is_named() {
    let bare = run(&["policy", "test"]).ends(0, &[]);
    assert!(bare.text().ends_with(" cases passed\n") && bare.lines().len() == 1, "{}", bare.text());
    assert_eq!(run(&["policy", "test", CASES]).ends(0, &[]).text(), bare.text());
    let files = [&["policy", "test", CASES][..], &SHOP].concat();
    assert_eq!(run(&files).ends(0, &[]).text(), bare.text());
    let json = run(&["policy", "test", "--json"]).ends(0, &[]);
    let json: serde_json::Value = serde_json::from_str(json.text()).unwrap();
    assert!(json["cases"].as_array().unwrap().len() > 20, "{json}");
}

#[test]
fn cases_that_fail_are_all_told_and_end_with_one() {
    let account = Account::new();
    let text = fs::read_to_string(crate::root().join(CASES)).unwrap();
    let text = text.replace("total: 584", "total: 585").replace("total: 48 ", "total: 49 ");
    let file = written(&account, "cases.yaml", &text);
    let ran = account.run(&["policy", "test", &file]).ends(1, &["2 of ", "failed"]);
    for part in ["cases.yaml:", "expected 585, found 584", "expected 49, found 48"] {
        assert!(ran.text().contains(part), "{part}: {}", ran.text());
    }
    // What is wrong with a case is told before any is asked.
    let file = written(&account, "wrong.yaml", "cases: { x: { as: {}, hiden: [people] } }");
    account.run(&["policy", "test", &file]).refused(1, &["E0205", "D0002", "`hidden`", "P0120"]);
    account.run(&["policy", "test", "no.yaml"]).refused(2, &["no.yaml"]);
    let bare = [&["policy", "test"][..], &SHOP].concat();
    account.run(&bare).refused(2, &["which cases"]);
}

#[test]
fn a_difference_ends_with_one_and_trouble_with_two() {
    let account = Account::new();
    let old = "fixtures/shop/policies.yaml";
    let text = fs::read_to_string(crate::root().join(old)).unwrap();
    let new = written(&account, "new.yaml", &text.replace("prefix: 3", "prefix: 5"));
    let same = account.run(&["policy", "diff", old, "fixtures/shop"]).ends(0, &[]);
    assert_eq!((same.text(), same.err.as_str()), ("", ""));
    let told = "group regional\n  ~ field people.email: values prefix 3 → prefix 5\n";
    let other = account.run(&["policy", "diff", old, &new]).ends(1, &[]);
    assert_eq!((other.text(), other.err.as_str()), (told, ""));
    let files = [&["policy", "diff", old, &new][..], &SHOP].concat();
    assert_eq!(account.run(&files).ends(1, &[]).text(), told);
    let json = account.run(&["policy", "diff", old, &new, "--json"]).ends(1, &[]);
    let json: serde_json::Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!(json["groups"][0]["changes"][0]["after"], "prefix 5", "{json}");

    let broken = written(&account, "broken.yaml", "policies: { x: { grnt: {} } }");
    account.run(&["policy", "diff", old, &broken]).refused(2, &["E0202", "`grant`"]);
    account.run(&["policy", "diff", &broken, old]).refused(2, &["E0202", "`grant`"]);
    account.run(&["policy", "diff", old, "no.yaml"]).refused(2, &["no.yaml"]);
    account.run(&["policy", "diff", old]).refused(2, &["NEW"]);
    account.run(&["policy", "diff", old, &new, "--attribute", "x"]).refused(2, &["NAME=VALUE"]);
    let unknown = ["policy", "diff", old, &new, "--attribute", "zz=1"];
    account.run(&unknown).refused(2, &["E0202", "P0107 `zz` is not a declared attribute"]);
    let given = ["policy", "diff", old, &new, "--policies", old];
    account.run(&given).refused(2, &["OLD and NEW"]);
}

#[test]
fn a_difference_counts_rows_for_attributes_and_people() {
    let account = Account::new();
    let old = "fixtures/shop/policies.yaml";
    let text = fs::read_to_string(crate::root().join(old)).unwrap();
    let (own, more) = ("rows: state in (attribute.states)\n", "rows: state = 'CA'\n");
    let new = written(&account, "new.yaml", &text.replacen(own, more, 1));
    let args = ["policy", "diff", old, &new, "--attribute", r#"states=["NV"]"#, "--cases", CASES];
    let ran = account.run(&args).ends(1, &[]);
    // 45 people live in NV, 251 in CA and 584 in the five states: counted by DuckDB.
    for part in [
        "group regional: people 45 → 251 (+251 -45)",
        "wei: people 584 → 251 (+0 -333)",
        "nia: people 0 → 251 (+251 -0)",
    ] {
        assert!(ran.text().contains(part), "{part}: {}", ran.text());
    }
    assert!(!ran.text().contains("vic"), "nothing changes for vendors: {}", ran.text());
}

#[test]
fn what_policies_leave_open_is_told() {
    let ran = run(&["policy", "coverage"]).ends(0, &[]);
    for part in ["every_row: ", "people [analysts]: and every field in clear", "seen_by_all: "] {
        assert!(ran.text().contains(part), "{part}: {}", ran.text());
    }
    let json = run(&["policy", "coverage", "--json"]).ends(0, &[]);
    let json: serde_json::Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!(json["findings"][0]["kind"], "every_row", "{json}");
    assert!(json["findings"][0]["meaning"].as_str().unwrap().contains("every row"), "{json}");
    let files = [&["policy", "coverage"][..], &SHOP].concat();
    assert_eq!(run(&files).ends(0, &[]).text(), ran.text());
}
