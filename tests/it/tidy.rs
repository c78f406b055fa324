//! The house, held as it is drawn: the edges between crates, one version of each shared library,
//! and what must not stand in committed files. It reads texts and never looks into the library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The drawing of ARCHITECTURE.md: each crate below `crates/` with the crates it uses. Only normal
/// dependencies count; tests may use what they like.
const DRAWING: [(&str, &[&str]); 10] = [
    ("sandbar-auth", &[]),
    ("sandbar-catalog", &[]),
    ("sandbar-permissions", &["sandbar-auth", "sandbar-catalog"]),
    ("sandbar-query-planner", &["sandbar-catalog", "sandbar-permissions"]),
    ("sandbar-executor", &["sandbar-query-planner"]),
    (
        "sandbar",
        &[
            "sandbar-auth",
            "sandbar-catalog",
            "sandbar-executor",
            "sandbar-permissions",
            "sandbar-query-planner",
        ],
    ),
    ("sandbar-http", &["sandbar"]),
    ("sandbar-cli", &["sandbar", "sandbar-http", "sandbar-shop"]),
    ("sandbar-shop", &[]),
    ("sandbar-testkit", &["sandbar", "sandbar-http", "sandbar-shop"]),
];

/// Libraries that exist once in the tree: two versions would mean types that do not fit each other.
const ONCE: [&str; 6] = ["arrow", "datafusion", "object_store", "parquet", "sqlparser", "tokio"];

/// The hosts that committed text may name. `.test`, `.example` and addresses of the own machine
/// are allowed besides.
const HOSTS: [&str; 18] = [
    "arrow.apache.org",
    "crates.io",
    "datafusion.apache.org",
    "datatracker.ietf.org",
    "doc.rust-lang.org",
    "docs.rs",
    "duckdb.org",
    "example.com",
    "github.com",
    "json-schema.org",
    "keepachangelog.com",
    "rustsec.org",
    "rustup.rs",
    "semver.org",
    "www.apache.org",
    "www.iana.org",
    "www.rfc-editor.org",
    "www.tpc.org",
];

/// The files of others.
const VENDORED: &str = "crates/http/vendor/";

/// The most lines of a Rust file.
const MAX_LINES: usize = 800;

/// How many threats the leak suite has: `L1` to this one.
const THREATS: u32 = 60;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What is committed, or would be: paths from the root, and the text of each.
fn texts() -> Vec<(String, String)> {
    let mut list = Command::new("git");
    // Whoever owns the folder, this only reads it.
    list.args(["-c", "safe.directory=*", "ls-files", "-z"]);
    list.args(["--cached", "--others", "--exclude-standard", "--deduplicate"]);
    let names = output(&mut list);
    // Files that are not text, or that were removed and not yet committed as such, are skipped.
    let read =
        |name: &str| Some((name.to_owned(), std::fs::read_to_string(root().join(name)).ok()?));
    // What others have written is held to what they have published (crates/http/src/explorer).
    let ours = |name: &&str| !name.is_empty() && !name.starts_with(VENDORED);
    let texts: Vec<_> = names.split('\0').filter(ours).filter_map(read).collect();
    assert!(texts.len() > 100, "only {} files were found", texts.len());
    texts
}

fn rust_files() -> Vec<(String, String)> {
    texts().into_iter().filter(|(name, _)| name.ends_with(".rs")).collect()
}

/// The packages of the workspace, as cargo tells them.
fn packages() -> Vec<Value> {
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(&mut metadata)).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The names of all that a package is built from, itself included, without its tests and tools.
fn closure(package: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args([
        "tree",
        "--offline",
        "--locked",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--package",
        package,
    ]);
    let tree = output(&mut tree);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The direct dependencies of a package, without those of its tests.
fn direct(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|d| d["kind"] != "dev").map(|d| d["name"].as_str().unwrap()).collect()
}

#[track_caller]
fn none(found: Vec<String>, what: &str) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn crates_use_each_other_as_drawn() {
    let packages = packages();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut others = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let used = direct(package).into_iter().filter(|d| d.starts_with("sandbar")).collect();
        if package["manifest_path"].as_str().unwrap().contains("/crates/") {
            edges.insert(name, used);
        } else {
            others.push(name);
        }
    }
    let drawn: BTreeMap<&str, BTreeSet<&str>> =
        DRAWING.iter().map(|(name, used)| (*name, used.iter().copied().collect())).collect();
    assert_eq!(edges, drawn, "the crates differ from the drawing in ARCHITECTURE.md");
    // Benches, tests and examples stand outside of the drawing, and so nothing in it uses them.
    assert_eq!(others.len(), 3, "{others:?}");
}

#[test]
fn each_layer_is_built_without_what_it_must_not_know() {
    let check = |package: &str, forbidden: &dyn Fn(&str) -> bool| {
        let found = closure(package).into_iter().filter(|name| forbidden(name)).collect();
        none(found, &format!("`{package}` is built from"));
    };
    let engine = |name: &str| name.starts_with("datafusion");
    let server = |name: &str| matches!(name, "axum" | "hyper" | "tower");
    for pure in ["sandbar-auth", "sandbar-catalog", "sandbar-permissions"] {
        check(pure, &|name| engine(name) || server(name) || matches!(name, "tokio" | "arrow"));
    }
    // What builds plans has nothing to run them with. DataFusion's own crates bring tokio along,
    // so that it is only the direct use of it which can be forbidden.
    let runs = ["datafusion", "datafusion-catalog", "datafusion-physical-plan", "datafusion-sql"];
    check("sandbar-query-planner", &|name| runs.contains(&name) || server(name));
    for package in packages() {
        if package["name"] == "sandbar-query-planner" {
            assert!(!direct(&package).contains("tokio"), "the planner uses tokio");
        }
    }
    check("sandbar", &server);
}

#[test]
fn there_is_one_version_of_each_shared_library() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let versions = |name: &str| lock.lines().filter(|l| *l == format!("name = \"{name}\"")).count();
    for name in ONCE {
        assert_eq!(versions(name), 1, "versions of `{name}` in Cargo.lock");
    }
    let others = lock.lines().filter(|line| line.starts_with("source = "));
    let standard = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let others = others.filter(|line| *line != standard).map(str::to_owned).collect();
    none(others, "packages that do not come from the standard registry");
}

#[test]
fn the_fuzzers_are_built_from_the_same_versions() {
    let packages = |path: &str| -> BTreeSet<String> {
        let lock = std::fs::read_to_string(root().join(path)).unwrap();
        let part = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key).map(str::to_owned));
            line.unwrap_or_default()
        };
        let packages = lock.split("[[package]]").skip(1);
        packages.map(|text| [part(text, "name = "), part(text, "version = ")].join(" ")).collect()
    };
    let (all, fuzzed) = (packages("Cargo.lock"), packages("fuzz/Cargo.lock"));
    let own = ["arbitrary", "libfuzzer-sys", "sandbar-fuzz"].map(|name| format!("\"{name}\" "));
    let others = fuzzed.difference(&all).filter(|name| !own.iter().any(|o| name.starts_with(o)));
    let what = "in fuzz/Cargo.lock alone (copy Cargo.lock there, then let cargo look at it)";
    none(others.cloned().collect(), what);
    assert!(fuzzed.len() > 200, "only {} packages were found", fuzzed.len());
}

#[test]
fn each_fuzz_target_has_its_files_to_start_from() {
    let texts = texts();
    let below = |folder: &str| -> BTreeSet<String> {
        let rest = texts.iter().filter_map(|(name, _)| name.strip_prefix(folder));
        rest.filter_map(|rest| rest.split(['/', '.']).next()).map(str::to_owned).collect()
    };
    let targets = below("fuzz/fuzz_targets/");
    let doors = sandbar_testkit::fuzzed::DOORS.iter();
    let doors: BTreeSet<String> = doors.map(|door| door.name.to_owned()).collect();
    assert_eq!(targets, doors, "targets, and the doors of crates/testkit/src/fuzzed.rs");
    assert_eq!(targets, below("fuzz/corpus/"), "targets, and folders in fuzz/corpus");
    let of = |path: &str| &texts.iter().find(|(name, _)| name == path).unwrap().1;
    let named: BTreeSet<String> = of("fuzz/Cargo.toml")
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| bin.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    assert_eq!(targets, named, "targets, and what fuzz/Cargo.toml names");
    let line = of("CONTRIBUTING.md").lines().find_map(|line| line.split_once("fuzz run "));
    let words = line.unwrap().1.split([' ', ',']).filter(|word| !word.is_empty() && *word != "or");
    let told: BTreeSet<String> = words.map(str::to_owned).collect();
    assert_eq!(targets, told, "targets, and those in CONTRIBUTING.md");
}

#[test]
fn there_is_one_binary() {
    let mut binaries = Vec::new();
    for package in packages() {
        for target in package["targets"].as_array().unwrap() {
            if target["kind"].as_array().unwrap().iter().any(|kind| kind == "bin") {
                binaries.push(target["name"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(binaries, ["sandbar"], "a bare `cargo run` must know what to run");
}

#[test]
fn every_rust_file_says_what_it_is_and_ends_in_time() {
    let mut found = Vec::new();
    for (name, text) in rust_files() {
        if !text.starts_with("//!") {
            found.push(format!("{name} does not start with `//!`"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            found.push(format!("{name} has {lines} lines, more than {MAX_LINES}"));
        }
    }
    none(found, "files");
}

#[test]
fn tables_are_scanned_in_one_file() {
    // The other reads the keys of a source for no principal, and tells whether they are unique.
    let known = ["crates/executor/src/keys.rs", "crates/query-planner/src/scan.rs"];
    // The words are put together here, so that this file is not one that has them.
    let doors = [concat!("LogicalPlanBuilder", "::scan"), concat!("TableScan", "Builder")];
    let mut found: Vec<String> = Vec::new();
    for (name, text) in rust_files() {
        if doors.iter().any(|door| text.contains(door)) {
            found.push(name);
        }
    }
    assert_eq!(found, known, "the second lock is one file");
}

#[test]
fn no_rust_file_has_the_forbidden_word() {
    let word = concat!("un", "safe");
    let mut found = Vec::new();
    for (name, text) in rust_files() {
        for (index, line) in text.lines().enumerate() {
            let parts = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if parts.into_iter().any(|part| part == word) {
                found.push(format!("{name}:{}", index + 1));
            }
        }
    }
    none(found, "the word that the workspace forbids");
}

#[test]
fn no_text_names_a_machine() {
    let mut folders = ["home", "root", "work", "tmp"].map(|name| format!("/{name}/")).to_vec();
    // Also the folder that all this lies in, unless it is too short to be told from a word.
    if root().components().count() > 2 {
        folders.push(root().display().to_string());
    }
    let mut found = Vec::new();
    for (name, text) in texts() {
        for (index, line) in text.lines().enumerate() {
            let absolute = folders.iter().any(|folder| {
                line.match_indices(folder.as_str()).any(|(at, _)| {
                    // `a/tmp/b` is a relative path, and so is `./tmp/b`.
                    let before = line.get(..at).and_then(|text| text.chars().next_back());
                    !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
                })
            });
            if absolute {
                found.push(format!("{name}:{}: a path of one machine", index + 1));
            }
            for host in hosts(line) {
                if !allowed(&host.to_ascii_lowercase()) {
                    found.push(format!("{name}:{}: the host `{host}`", index + 1));
                }
            }
        }
    }
    none(found, "committed text");
}

/// The host names of the addresses in a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split("://").skip(1).map(|rest| {
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        rest.split(|c: char| !host(c)).next().unwrap_or_default().trim_end_matches('.')
    })
}

fn allowed(host: &str) -> bool {
    let own = matches!(host, "" | "127.0.0.1" | "0.0.0.0" | "localhost");
    // Without a point it is a word of a text or a source's name, not a place on the network.
    own || !host.contains('.')
        || HOSTS.contains(&host)
        || [".test", ".example", ".invalid"].iter().any(|end| host.ends_with(end))
}

/// The rows of the table of threats in SECURITY.md: ids, and the paths of the tests.
fn threats() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| id ")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{line}");
        (cells[0].to_owned(), cells[3].to_owned())
    });
    rows.collect()
}

/// The paths that are named in a cell, from the root. A name alone lies where the one before it
/// does; what is neither in `tests` nor in `fixtures` lies in `crates`.
fn cited(cell: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for part in cell.split([';', ',']).map(str::trim) {
        let path = match (part.contains('/'), paths.last().and_then(|p| p.rsplit_once('/'))) {
            (true, _) if part.starts_with("tests/") || part.starts_with("fixtures/") => {
                part.to_owned()
            }
            (true, _) => format!("crates/{part}"),
            (false, Some((folder, _))) => format!("{folder}/{part}"),
            (false, None) => part.to_owned(),
        };
        paths.push(path);
    }
    paths
}

/// Whether a file, or one in the folder of its name, has a test; or a folder has files.
fn is_tested(path: &str, texts: &[(String, String)]) -> bool {
    let folder = format!("{}/", path.trim_end_matches(".rs"));
    texts.iter().any(|(name, text)| {
        let inside = name.starts_with(&folder);
        if path.ends_with(".rs") {
            (name == path || inside && name.ends_with(".rs"))
                && (text.contains("#[test]") || text.contains("#[tokio::test"))
        } else {
            inside
        }
    })
}

/// The ids of a cell: `L1, L2`, or `L20 – L25` for all of them.
fn ids(cell: &str) -> Vec<String> {
    let number = |id: &str| id.trim_start_matches(char::is_alphabetic).parse::<u32>().unwrap();
    let mut ids = Vec::new();
    for part in cell.split(',').map(str::trim) {
        let (first, last) = part.split_once(" – ").unwrap_or((part, part));
        let word = first.trim_end_matches(char::is_numeric);
        ids.extend((number(first)..=number(last)).map(|n| format!("{word}{n}").to_lowercase()));
    }
    ids
}

#[test]
fn every_threat_has_its_tests_and_every_id_of_a_test_its_threat() {
    let (threats, all) = (threats(), texts());
    assert!(threats.len() > 20, "only {} threats were found", threats.len());
    let paths =
        threats.iter().flat_map(|(ids, cell)| cited(cell).into_iter().map(move |p| (ids, p)));
    let missing = paths.filter(|(_, path)| !is_tested(path, &all));
    none(missing.map(|(ids, path)| format!("{ids}: {path}")).collect(), "tests of SECURITY.md");
    let known: BTreeSet<String> = threats.iter().flat_map(|(cell, _)| ids(cell)).collect();
    let (mut unknown, mut tried) = (Vec::new(), BTreeSet::new());
    for (name, text) in rust_files() {
        for (function, is_test) in functions(&text) {
            for part in in_front(function) {
                if !known.contains(part) {
                    unknown.push(format!("{name}: `{part}` of `{function}`"));
                }
                if is_test {
                    tried.insert(part.to_owned());
                }
            }
        }
    }
    none(unknown, "ids of tests that SECURITY.md does not have");
    let each = || (1..=THREATS).map(|number| format!("l{number}"));
    none(each().filter(|id| !known.contains(id)).collect(), "threats without a row in SECURITY.md");
    none(each().filter(|id| !tried.contains(id)).collect(), "threats that no test is named after");
}

/// The names of the functions of a file, and whether each is a test.
fn functions(text: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut before = "";
    for (index, part) in text.split("fn ").enumerate() {
        if index > 0 {
            let name = part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            // What stands above it without an empty line between.
            let above = before.rsplit("\n\n").next().unwrap();
            found.push((name, above.contains("#[test]") || above.contains("#[tokio::test")));
        }
        before = part;
    }
    found
}

/// The ids that a name begins with: `l6_l8_names_of_…` has two, and `l1_to_l36_…` one.
fn in_front(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').take_while(|part| is_threat(part))
}

/// Whether a part of a test's name is the id of a threat: `l18`, `jwt4`, `atk13`.
fn is_threat(part: &str) -> bool {
    ["l", "jwt", "atk"].iter().any(|word| {
        part.strip_prefix(word)
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[test]
fn what_is_read_first_is_short() {
    for (name, least, most) in [("README.md", 40, 80), ("examples/examples/embedded.rs", 10, 60)] {
        let lines = std::fs::read_to_string(root().join(name)).unwrap().lines().count();
        assert!((least..=most).contains(&lines), "{name} has {lines} lines, not {least} to {most}");
    }
}

#[test]
fn every_code_has_a_section_and_every_section_a_code() {
    let mut codes = BTreeSet::new();
    for (name, text) in rust_files() {
        if name.starts_with("crates/") && name.contains("/src/") {
            codes.extend(text.split('"').filter(|word| is_code(word)).map(str::to_owned));
        }
    }
    let manual = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let titles = manual.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(": "));
    let sections: Vec<&str> = titles.map(|(code, _)| code).collect();
    let unique: BTreeSet<String> = sections.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(unique.len(), sections.len(), "a code has two sections in docs/errors.md");
    none(codes.difference(&unique).cloned().collect(), "codes without a section");
    none(unique.difference(&codes).cloned().collect(), "sections without a code");
}

#[test]
fn the_table_of_codes_begins_and_ends_with_sections() {
    let manual = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let titles = manual.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(": "));
    let mut left: BTreeSet<&str> = titles.map(|(code, _)| code).collect();
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let ranges = rows.filter_map(|(range, _)| range.split_once(" – "));
    let ranges: Vec<_> = ranges.filter(|(first, last)| is_code(first) && is_code(last)).collect();
    assert!(ranges.len() > 8, "{ranges:?}");
    for (first, last) in ranges {
        for end in [first, last] {
            assert!(left.contains(end), "`{first} – {last}`: no section of {end} is left");
        }
        left.retain(|code| !(first..=last).contains(code));
    }
    assert!(left.is_empty(), "sections that no row of the table tells of: {left:?}");
}

/// Whether a text is an error code: a letter and four digits.
fn is_code(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|b| b"ADEHMPQW".contains(&b))
        && word.len() == 5
        && bytes.all(|b| b.is_ascii_digit())
}

#[test]
fn the_rules_have_teeth() {
    let of = |line: &'static str| hosts(line).collect::<Vec<_>>();
    assert_eq!(of("see https://docs.rs/jiff and http://b.example."), ["docs.rs", "b.example"]);
    assert_eq!(of("http://{address}/health"), [""]);
    assert!(allowed("shop.test") && allowed("docs.rs") && allowed("localhost"));
    assert!(!allowed("mirror.company.net") && !allowed("docs.rs.evil.net"));
    assert!(is_code("Q0101") && !is_code("Q010") && !is_code("X0101") && !is_code("Q01o1"));
    assert_eq!(
        cited("a/src/b.rs, c.rs; tests/it/d.rs"),
        ["crates/a/src/b.rs", "crates/a/src/c.rs", "tests/it/d.rs"]
    );
    assert_eq!(ids("L1, L20 – L22"), ["l1", "l20", "l21", "l22"]);
    assert_eq!(in_front("l6_l8_names_of_l9").collect::<Vec<_>>(), ["l6", "l8"]);
    assert_eq!(in_front("l1_to_l36_nothing").collect::<Vec<_>>(), ["l1"]);
    let helper = "#[test]\nfn l1_a() {}\n\n/// A helper.\nfn l2_b() {}\n";
    assert_eq!(functions(helper), [("l1_a", true), ("l2_b", false)]);
    let macros = "#[tokio::test]\n    async fn l3_c() {}";
    assert_eq!(functions(macros), [("l3_c", true)]);
    assert!(is_threat("jwt4") && is_threat("l18") && !is_threat("l") && !is_threat("limit1"));
    let texts =
        [("a/b.rs".to_owned(), String::new()), ("a/c/d.rs".to_owned(), "#[test]".to_owned())];
    assert!(!is_tested("a/b.rs", &texts) && is_tested("a/c.rs", &texts) && is_tested("a", &texts));
    assert!(!is_tested("a/e.rs", &texts) && !is_tested("e", &texts));
    let permissions = closure("sandbar-permissions");
    assert!(permissions.contains("sandbar-catalog") && permissions.contains("serde"));
}
