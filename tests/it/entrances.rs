//! L27: no way in is forgotten. Every public way to data or names stands in one list
//! (`sandbar_testkit::entrances::WAYS`), which is held equal to the routes that are served, the
//! methods of `Session` and `Engine`, what answers and explanations give, the commands, and the
//! table in ARCHITECTURE.md; and the same leak cases are asked through each of them, by the command
//! line in crates/cli/tests/it/leaks.rs.

mod doors;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sandbar_testkit::entrances::{
    Entrance, Twin, WAYS, Way, hidden_and_absent, told_as_added_up, twins_are_told_alike,
};

use self::doors::Doors;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The Rust files below a folder: path and text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut folders, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// The names of the list that begin with one of these.
fn listed(prefixes: &[&str]) -> BTreeSet<String> {
    let begins = |name: &&str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let names = WAYS.iter().map(|(name, _)| *name).filter(begins);
    names.map(str::to_owned).collect()
}

#[track_caller]
fn same(found: BTreeSet<String>, listed: BTreeSet<String>, what: &str) {
    let list = "sandbar_testkit::entrances::WAYS";
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "{what}, and not in {list}: {missing:?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "in {list}, and not {what}: {gone:?}");
}

#[test]
fn l27_each_name_and_each_entrance_stands_in_the_list_once() {
    let names: BTreeSet<&str> = WAYS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), WAYS.len());
    let asked = Entrance::named("");
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len());
    for (name, way) in WAYS {
        if let Way::Beside(why) = way {
            assert!(why.split(' ').count() > 3, "why `{name}` tells no asker anything");
        }
        if let Way::AskedIn(file) = way {
            assert!(is_written(name, &read(file)), "`{name}` is not asked in {file}");
        }
    }
}

/// Whether the path of a route is written in a file as a whole, as its tests write paths: in quotes
/// and without what all begin with. For a part in braces anything may stand. A path has one method.
fn is_written(route: &str, file: &str) -> bool {
    let (_, path) = route.split_once("/api/agent/v1/").unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let mut written = file.split("\"/v1/").skip(1).filter_map(|rest| rest.split(['"', '?']).next());
    written.any(|path| {
        let found: Vec<&str> = path.split('/').collect();
        let fits = |(part, found): (&&str, &&str)| {
            part == found || part.starts_with('{') && !found.is_empty()
        };
        found.len() == parts.len() && parts.iter().zip(&found).all(fits)
    })
}

#[test]
fn l27_a_part_of_a_path_is_not_the_path() {
    let file = r#"get("/v1/database/1"), get("/v1/table/{id}/field/t1-2/values?limit=5")"#;
    for (route, written) in [
        ("GET /api/agent/v1/database/{id}", true),
        ("GET /api/agent/v1/database", false),
        ("GET /api/agent/v1/table/{id}/field/{field}/values", true),
        ("GET /api/agent/v1/metric/{id}/field/{field}/values", false),
        ("GET /api/agent/v1/table/{id}", false),
    ] {
        assert_eq!(is_written(route, file), written, "{route}");
    }
}

#[test]
fn l27_each_route_stands_in_the_list() {
    let routes = sandbar_http::routes().into_iter();
    let routes = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    same(routes, listed(&["GET ", "POST ", "DELETE "]), "served over HTTP");
    // A list of routes that is not among these is served to nobody, or apart from them.
    let lists: BTreeSet<String> = sources("crates/http/src")
        .into_iter()
        .filter(|(_, text)| text.contains("Routes::new()"))
        .map(|(path, _)| path.to_str().unwrap().split("/http/src/").nth(1).unwrap().to_owned())
        .collect();
    let known = ["auth/routes.rs", "metrics.rs", "router.rs", "v1/mod.rs"];
    assert_eq!(lists, known.map(str::to_owned).into());
    // No route is added to a router, and no router to another, but where the list is made.
    let doors =
        ["route(", "nest(", "merge(", "route_service(", "nest_service(", "fallback_service("];
    for (path, text) in sources("crates/http/src") {
        let tests = path.components().any(|part| part.as_os_str() == "tests");
        if tests || path.ends_with("routes.rs") {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let other = code.filter(|line| doors.iter().any(|door| line.contains(&format!(".{door}"))));
        let other: Vec<&str> = other.collect();
        assert!(other.is_empty(), "{}: routes go through `Routes`: {other:?}", path.display());
    }
}

/// The public methods of a type, in all its `impl` blocks, and its public fields.
fn members(of: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, text) in sources("crates/engine/src") {
        let mut inside = false;
        for line in text.lines() {
            if !line.starts_with(' ') {
                // `impl Engine {`, and no trait's.
                let begins = ["impl", "pub struct"].map(|word| format!("{word} {of} {{"));
                inside = begins.iter().any(|begin| begin == line) || inside && line.is_empty();
            }
            let public = line.strip_prefix("    pub ").filter(|_| inside);
            let name = public.and_then(|rest| match rest.split_once("fn ") {
                Some((_, rest)) => rest.split(['(', '<']).next(),
                None => rest.split_once(':').map(|(name, _)| name),
            });
            found.extend(name.map(|name| format!("{of}::{name}")));
        }
    }
    found
}

#[test]
fn l27_each_method_stands_in_the_list() {
    for (of, least) in
        [("Session", 8), ("Engine", 8), ("Answer", 6), ("Collected", 8), ("Explanation", 8)]
    {
        let found = members(of);
        assert!(found.len() > least, "{found:?}");
        same(found, listed(&[&format!("{of}::")]), "public methods and fields");
    }
}

/// The variants of an enum of the command line, as they are typed.
fn commands(text: &str, of: &str) -> Vec<String> {
    let body = text.split(&format!("pub(crate) enum {of} {{\n")).nth(1).unwrap();
    let body = body.split("\n}").next().unwrap();
    let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = variants.filter(|line| line.starts_with(char::is_uppercase));
    let words = |name: &str| {
        let mut words = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push('-');
            }
            words.extend(letter.to_lowercase());
        }
        words
    };
    variants.map(|line| words(line.split(['(', ',']).next().unwrap())).collect()
}

#[test]
fn l27_each_command_stands_in_the_list() {
    let args = read("crates/cli/src/args.rs");
    // Called bare it is the demo.
    let mut found = BTreeSet::from(["sandbar".to_owned()]);
    for command in commands(&args, "Command") {
        if command != "policy" {
            found.insert(format!("sandbar {command}"));
        }
    }
    for command in commands(&args, "PolicyCommand") {
        found.insert(format!("sandbar policy {command}"));
    }
    same(found, listed(&["sandbar"]), "commands");
    // Those through which something is asked are asked there.
    assert_eq!(Entrance::named("sandbar"), [Entrance::CommandQuery]);
    assert!(read("crates/cli/tests/it/leaks.rs").contains("Entrance::named(\"sandbar\")"));
}

/// The names in the first cell of a row. A name alone belongs to the type, or follows the words,
/// of the one before it; a path alone has its method.
fn named(cell: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in cell.split('`').skip(1).step_by(2) {
        let before = names.last().cloned().unwrap_or_default();
        let first = before.split(' ').next().unwrap_or_default();
        let whole =
            part.contains("::") || part.contains(' ') || part.starts_with(char::is_uppercase);
        names.push(match (whole || before.is_empty(), before.rsplit_once(' ')) {
            (true, _) => part.to_owned(),
            (false, Some(_)) if part.starts_with('/') => format!("{first} {part}"),
            (false, Some((words, _))) => format!("{words} {part}"),
            (false, None) => format!("{}::{part}", before.split("::").next().unwrap()),
        });
    }
    names
}

#[test]
fn l27_the_table_of_entry_points_is_the_list() {
    assert_eq!(named("`A::b`, `c`"), ["A::b", "A::c"]);
    assert_eq!(named("`E` and its `f`"), ["E", "E::f"]);
    assert_eq!(named("`GET /a`, `/b/{c}`"), ["GET /a", "GET /b/{c}"]);
    assert_eq!(named("`x y z`, `w`"), ["x y z", "x y w"]);
    let page = read("ARCHITECTURE.md");
    let table = page.split("## Entry points").nth(1).unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("| way |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let found: BTreeSet<String> =
        rows.flat_map(|row| named(row.split(" | ").next().unwrap())).collect();
    let all = listed(&[""]);
    let unknown: Vec<_> = found.difference(&all).collect();
    assert!(unknown.is_empty(), "in ARCHITECTURE.md, and not in the list: {unknown:?}");
    // What is beside the way to data and names need not stand in the page.
    for (name, way) in WAYS {
        if matches!(way, Way::Asked(_)) {
            assert!(found.contains(*name), "`{name}` is asked, and not in ARCHITECTURE.md");
        }
    }
}

/// All that can be asked in one process.
fn here() -> Vec<Entrance> {
    let mut all = Entrance::named("");
    all.retain(|entrance| *entrance != Entrance::CommandQuery);
    all
}

#[track_caller]
fn check(twin: Twin) {
    let mut doors = Doors::new();
    let wrong = twins_are_told_alike(twin, &here(), &mut |world, who, entrance, probe| {
        doors.ask(world, who, entrance, probe)
    });
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn l1_l2_l4_l5_l18_l20_l27_l30_l33_l34_l37_no_entrance_tells_of_hidden_rows() {
    check(Twin::Rows);
}

#[test]
fn l21_l27_l29_l30_no_entrance_tells_of_hidden_fields() {
    check(Twin::Fields);
}

#[test]
fn l22_l23_l24_l27_no_entrance_tells_of_what_is_masked() {
    check(Twin::Masks);
}

#[test]
fn l3_l6_l8_l27_l59_no_entrance_tells_of_hidden_names() {
    check(Twin::Names);
}

#[test]
fn l27_l54_no_entrance_tells_of_attributes_and_policies() {
    check(Twin::Attributes);
}

#[test]
fn l4_l5_l29_l30_l33_l34_l37_what_is_told_is_as_added_up_by_hand() {
    let mut doors = Doors::new();
    let entrances = [
        Entrance::Query,
        Entrance::QueryJson,
        Entrance::Authenticate,
        Entrance::AuthenticateRequest,
    ];
    let wrong = told_as_added_up(&entrances, &mut |world, who, entrance, probe| {
        doors.ask(world, who, entrance, probe)
    });
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn l9_l10_l27_hidden_and_absent_are_one_case_through_every_entrance() {
    let mut doors = Doors::new();
    let wrong = hidden_and_absent(&here(), &mut |world, who, entrance, probe| {
        doors.ask(world, who, entrance, probe)
    });
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
