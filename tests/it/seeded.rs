//! The bugs of `fixtures/seeded`, which `.ci/seeded` puts into a copy of the sources: each can still
//! be put there, and docs/seeded.md says of each what catches it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many there are at least.
const LEAST: usize = 25;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The files of an edit with what stands there, and what will.
fn edits(text: &str) -> Vec<(&str, &str, &str)> {
    let parts = text.split("\nfile: ").skip(1).map(|part| {
        let (file, rest) = part.split_once("\n<<<<\n").expect("`<<<<` after the file");
        let (old, rest) = rest.split_once("\n====\n").expect("`====` after what is there");
        (file, old, rest.trim_end().strip_suffix("\n>>>>").expect("`>>>>` at the end"))
    });
    parts.collect()
}

#[test]
fn every_seeded_bug_can_be_put_into_the_sources() {
    let table = fs::read_to_string(root().join("docs/seeded.md")).unwrap();
    let mut seeds: Vec<_> = fs::read_dir(root().join("fixtures/seeded"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(seeds.len() >= LEAST, "{} bugs", seeds.len());
    let mut sources: BTreeMap<String, String> = BTreeMap::new();
    for seed in seeds {
        let name = seed.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&seed).unwrap();
        let edits = edits(&text);
        assert!(text.contains("SEEDED") && !edits.is_empty(), "{name} does nothing");
        for (file, old, new) in edits {
            let source = sources
                .entry(file.to_owned())
                .or_insert_with(|| fs::read_to_string(root().join(file)).unwrap());
            let count = source.matches(old).count();
            assert_eq!(count, 1, "{name}: how often its text stands in {file}:\n{old}");
            *source = source.replace(old, new);
        }
        let what = text.lines().next().unwrap();
        let row = format!("| `{name}` | {what} | ");
        assert!(table.contains(&row), "docs/seeded.md has no row `{row}…`");
    }
}
