//! What fuzzing starts from: what is committed beside the fuzzers, and what there is anyway.

use std::fs;
use std::path::{Path, PathBuf};

use super::{NOW, minter, over_http, signed};
use crate::{fixture, principal};

/// The texts that a door is known to be given, right ones and wrong ones, in a fixed order.
pub fn corpus(door: &str) -> Vec<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut all = files(&root.join(door), |_| true);
    let yaml = |name: &str| name.ends_with(".yaml");
    all.extend(match door {
        "query" => {
            let json = |name: &str| name.ends_with(".json");
            let mut queries = files(&fixture("queries"), json);
            queries.extend(files(&fixture("refused"), json));
            queries
        }
        "model" => below(&fixture("invalid"), |name| yaml(name) && name.starts_with("model"))
            .into_iter()
            .chain(files(&fixture("shop"), |name| name == "model.yaml"))
            .collect(),
        "policies" => below(&fixture("invalid"), |name| yaml(name) && name.starts_with("policies"))
            .into_iter()
            .chain(files(&fixture("shop"), |name| name == "policies.yaml"))
            .collect(),
        "cases" => files(&fixture("shop"), |name| name == "cases.yaml"),
        "token" => {
            let mut tokens: Vec<Vec<u8>> = tokens().into_iter().map(String::into_bytes).collect();
            // None of these may be believed.
            let header = |alg: &str| format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
            for alg in ["none", "HS384", "RS256"] {
                tokens.push(signed(header(alg).as_bytes(), b"{}").into_bytes());
            }
            tokens
        }
        "keys" => {
            let mut keys = files(&fixture("tokens/keys"), |_| true);
            // One of each kind, and all of them as a set. None of them has an inner brace.
            let all = fs::read_to_string(fixture("tokens/keys/jwk.json")).expect("the keys");
            let inner = all.split('{').skip(2).filter_map(|part| part.split('}').next());
            let singles: Vec<String> = inner.map(|members| format!("{{{members}}}")).collect();
            keys.push(format!(r#"{{"keys":[{}]}}"#, singles.join(",")).into_bytes());
            keys.extend(singles.into_iter().map(String::into_bytes));
            keys.push(
                br#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}"#.to_vec(),
            );
            keys
        }
        "body" => BODIES.iter().map(|body| body.as_bytes().to_vec()).collect(),
        "sealed" => over_http::handed_out(),
        "people" => PEOPLE.iter().map(|people| people.as_bytes().to_vec()).collect(),
        _ => CLAIMS.iter().map(|claims| claims.as_bytes().to_vec()).collect(),
    });
    all
}

/// What tokens say.
const CLAIMS: [&str; 5] = [
    r#"{"iat":1782864000,"email":"ana@shop.test"}"#,
    r#"{"iat":1782864000,"exp":1782864900,"nbf":1782864000,"email":"ana@shop.test","groups":["hq"]}"#,
    r#"{"iat":1782864000,"email":"wei@shop.test","groups":["regional"],"attributes":{"states":["CA"]}}"#,
    r#"{"iat":1782864000,"email":"vic@shop.test","attributes":{"a":1,"b":1.5,"c":true,"d":null,"e":[1,2]}}"#,
    r#"{"iat":1,"email":"old@shop.test","iss":"x","aud":["a","b"],"sub":"y"}"#,
];

/// Bodies of requests, in either language.
const BODIES: [&str; 9] = [
    r#"{"table_id":3,"fields":[{"field_id":"t3-271687479721789"}],"limit":5,"order_by":[{"field":{"field_id":"t3-271687479721789"},"direction":"desc"}]}"#,
    r#"{"table_id":3,"filters":[{"field_id":"t3-140549291547893","operation":"greater-than","value":10}]}"#,
    r#"{"table_id":"3","filters":[{"field_id":"t3-271687479721789","operation":"equals","values":[1,2,3]},{"segment_id":1}]}"#,
    r#"{"table_id":3,"aggregations":[{"function":"sum","field_id":"t3-140549291547893"}],"group_by":[{"field_id":"t3-34536484534195","field_granularity":"month"}]}"#,
    r#"{"metric_id":101,"group_by":[{"field_id":"c101-34536484534195","field_granularity":"quarter"}],"filters":[]}"#,
    r#"{"metric_id":101,"limit":10,"filters":null}"#,
    r#"{"term_queries":["revenue","orders"],"semantic_queries":["who buys"]}"#,
    r#"{"queries":[{"metrics":["revenue"],"group_by":["product.category"]},{"metric_id":101}]}"#,
    r#"{"metrics":["revenue"],"filter":{"field":"created_at","op":"last","count":2,"unit":"month"}}"#,
];

/// Lists of people.
const PEOPLE: [&str; 3] = [
    "people:\n  ana@shop.test: { groups: [analysts], attributes: { states: [CA, OR] } }\n",
    "people:\n  vic@partner.test:\n    active: false\n    attributes: { a: 1, b: 1.5, c: true, d: null }\n",
    "people: { ana: {}, b@c.test: {}, B@c.test: { group: x } }",
];

/// Tokens of the people of the shop.
pub fn tokens() -> Vec<String> {
    let minter = minter();
    let token = |asker: &sandbar_shop::Asker| {
        let principal = principal(asker);
        let groups: Vec<&str> = principal.groups().iter().map(String::as_str).collect();
        let attributes = principal.attributes().map(|(name, value)| (name, value.clone()));
        let attributes: Vec<_> = attributes.collect();
        minter.mint(asker.email, &groups, &attributes, NOW).expect("a token")
    };
    sandbar_shop::ASKERS.iter().map(token).collect()
}

/// The contents of some files of a folder, by their names; none where there is no such folder.
fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.retain(|path| {
        path.is_file() && path.file_name().is_some_and(|name| wanted(&name.to_string_lossy()))
    });
    paths.iter().map(|path| fs::read(path).expect("it can be read")).collect()
}

/// The contents of some files of the folders in a folder.
fn below(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the fixtures are there");
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    folders.iter().flat_map(|folder| files(folder, &wanted)).collect()
}
