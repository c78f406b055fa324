//! `check`, and models of one's own: which files they are, and where their sources are looked for.

use std::fs;
use std::path::Path;

use crate::{Account, run};

#[test]
fn the_sample_shop_has_no_problems() {
    let ran = run(&["check"]).ends(0, &[]);
    assert_eq!((ran.text(), ran.err.as_str()), ("no problems (snapshot 1)\n", ""));
}

#[test]
fn its_files_have_none_either_and_say_where_its_tables_are() {
    let ran = run(&["check", "--model", "fixtures/shop", "--shop-data"]).ends(0, &[]);
    assert_eq!(ran.text(), "no problems (snapshot 1)\n");
    run(&["check", "--model", "fixtures/shop"]).refused(1, &["`--shop-data`"]);
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place() {
    let folder = "fixtures/invalid/34-unknown-names";
    let ran = run(&["check", "--model", folder, "--shop-data"]).ends(1, &["6 problems"]);
    let told: Vec<(&str, &str)> =
        vec![("8:29", "totl"), ("9:20", "birthday"), ("10:19", "custmer")];
    for (place, name) in told {
        let place = format!("{folder}/model.yaml:{place}");
        assert!(ran.err.contains(&place) && ran.err.contains(name), "{place} {name}: {}", ran.err);
    }
    assert_eq!(ran.text(), "");
    assert!(!ran.err.contains("M0104"), "the sources are there: {}", ran.err);
    // Without them that is a problem too, and the way out is named.
    run(&["check", "--model", folder]).refused(1, &["M0104", "`--shop-data`", "totl"]);
    run(&["check", "--model", "fixtures/invalid/53-everything-at-once"]).refused(1, &["problems"]);
}

#[test]
fn questions_are_asked_of_a_model_of_ones_own() {
    let model = ["--model", "fixtures/shop", "--shop-data", "--as", "wei", "--format", "csv"];
    let shop = ["--as", "wei", "--format", "csv"];
    let ask = |more: &[&str]| {
        let mut args =
            vec!["query", "revenue", "--by", "product.category", "--when", "previous quarter"];
        args.extend(more);
        run(&args).ends(0, &[]).text().to_owned()
    };
    assert_eq!(ask(&model), ask(&shop));
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn a_source_lies_beside_the_file_that_declares_it() {
    let account = Account::new();
    let folder = account.state();
    let model = |table: &str| {
        format!(
            "sources: {{ {table}: {{ format: csv, path: data/rows.csv }} }}
tables: {{ {table}: {{ primary_key: [id], fields: {{ id: {{}} }} }} }}
metrics: {{ many_{table}: {{ table: {table}, expr: count(*) }} }}
"
        )
    };
    write(&folder.join("one/model.yaml"), &model("cats"));
    write(&folder.join("one/data/rows.csv"), "id\n1\n2\n");
    write(&folder.join("two/model.yaml"), &model("dogs"));
    write(&folder.join("two/data/rows.csv"), "id\n1\n2\n3\n");
    let policies = "groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [cats, dogs] } } }
";
    write(&folder.join("policies.yaml"), policies);
    let count = |metric: &str| {
        let mut command = account.command(&["query", metric, "--as", "zoe@shop.test"]);
        command.args(["--group", "staff", "--format", "csv"]);
        command.args([
            "--model",
            "one/model.yaml",
            "--model",
            "two",
            "--policies",
            "policies.yaml",
        ]);
        let ran = crate::ran(command.current_dir(folder)).ends(0, &[]);
        ran.text().to_owned()
    };
    assert_eq!(count("many_cats"), "many_cats\n2\n");
    assert_eq!(count("many_dogs"), "many_dogs\n3\n");
}

#[test]
fn a_source_that_is_not_there_is_told_where_it_is_declared() {
    let account = Account::new();
    let folder = account.state();
    let model = "sources:
  z: { format: csv, path: nope.csv }
tables: { z: { fields: { id: {} } } }
";
    write(&folder.join("model.yaml"), model);
    for named in ["model.yaml", "."] {
        let mut command = account.command(&["check", "--model", named]);
        let told = ["E0203 source `z`", "does not exist", "model.yaml:2:27"];
        crate::ran(command.current_dir(folder)).refused(1, &told);
    }
}

#[test]
fn a_file_that_is_no_text_is_told_with_the_place_of_its_first_such_byte() {
    let account = Account::new();
    let folder = account.state();
    // An é takes two bytes and one column; the next one is written as in Latin 1.
    fs::write(folder.join("bad.yaml"), b"tables: {}\n# \xc3\xa9t\xe9\n").unwrap();
    write(&folder.join("good.yaml"), "tables: {}\n");
    let told = ["D0000 not UTF-8: the byte 0xe9", "bad.yaml:2:5"];
    for (args, code) in [
        (&["check", "--model", "bad.yaml"][..], 1),
        (&["check", "--model", "good.yaml", "--policies", "bad.yaml"][..], 1),
        (&["policy", "test", "bad.yaml"][..], 1),
        (&["policy", "diff", "bad.yaml", "bad.yaml"][..], 2),
    ] {
        let mut command = account.command(args);
        crate::ran(command.current_dir(folder)).refused(code, &told);
    }
}

#[test]
fn a_source_in_folders_has_the_columns_of_their_names() {
    let account = Account::new();
    let folder = account.state();
    let model = "sources:
  sales:
    format: csv
    path: data
    partitions: { year: integer }
    delimiter: ';'
tables: { sales: { primary_key: [id], fields: { id: {}, year: { type: integer } } } }
metrics: { last: { table: sales, expr: max(year) } }
";
    write(&folder.join("model.yaml"), model);
    write(&folder.join("data/year=2025/a.csv"), "id;more\n1;x\n");
    write(&folder.join("data/year=2026/a.csv"), "id;more\n2;y\n");
    let policies = "groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [sales] } } }
";
    write(&folder.join("policies.yaml"), policies);
    let mut command = account.command(&["query", "last", "--as", "zoe@shop.test"]);
    command.args(["--group", "staff", "--format", "csv", "--model", "."]);
    let ran = crate::ran(command.current_dir(folder)).ends(0, &[]);
    assert_eq!(ran.text(), "last\n2026\n");
    // What is wrong with a source is said as it always is.
    write(&folder.join("model.yaml"), &model.replace("year: integer", "year: never"));
    let mut command = account.command(&["check", "--model", "."]);
    crate::ran(command.current_dir(folder)).refused(1, &["`year` has no type `never`"]);
}

#[test]
fn somebody_without_policies_is_told_so() {
    let ran = run(&["check", "--model", "fixtures/shop/model.yaml", "--shop-data"]).ends(0, &[]);
    assert!(ran.err.contains("no policies: nobody sees anything"), "{}", ran.err);
}
