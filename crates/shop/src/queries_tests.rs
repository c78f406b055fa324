//! The questions of `fixtures/queries` can be read, and the golden answers refuse exactly what the
//! policies hide.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

use sandbar_catalog::TableId;
use sandbar_catalog::query::{Filter, SemanticQuery};
use sandbar_permissions::{Grants, Level, Missing};

use crate::ASKERS;
use crate::policies_tests::grants;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder)
}

fn queries() -> Vec<(String, SemanticQuery)> {
    let files = read_dir(fixtures("queries")).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let query = SemanticQuery::from_json(&read_to_string(&path).unwrap());
        (name.clone(), query.unwrap_or_else(|problems| panic!("{name}: {problems:?}")))
    };
    files.map(read).collect()
}

fn kind(missing: &Missing) -> &'static str {
    match missing {
        Missing::Unknown { .. } => "NotFound",
        Missing::Refused(_) => "Denied",
        Missing::ToMany { .. } => panic!("a relationship that fans out"),
    }
}

/// Why the asker may not ask, told by the first name that is not to be had.
fn refusal(query: &SemanticQuery, grants: &Grants) -> Result<(), &'static str> {
    if let Some(inner) = &query.from {
        return refusal(&inner.value, grants);
    }
    let mut base = None;
    for ask in query.metrics.iter() {
        let id = grants.find_metric(&ask.value.name.value).map_err(|m| kind(&m))?;
        base = grants.snapshot().metric(id).table();
    }
    if let Some(name) = &query.table {
        base = Some(grants.find_table(&name.value).map_err(|m| kind(&m))?);
    }
    let base = base.unwrap();
    let table = grants.snapshot().table(base);
    for ask in query.measures.iter() {
        let measure = table.find_measure(&ask.value.name.value).unwrap();
        visible(grants.measure_level(measure))?;
    }
    let own = |name: &str| query.calculated.get(name).is_some();
    for (_, text) in query.calculated.iter() {
        let words = text.value.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| table.find_field(word).is_some()) {
            field(grants, base, word)?;
        }
    }
    for ask in query.group_by.iter().chain(query.fields.iter()) {
        if !own(&ask.value.field.value) {
            field(grants, base, &ask.value.field.value)?;
        }
    }
    for name in query.aggregations.iter().filter_map(|ask| ask.value.field.as_ref()) {
        if !own(&name.value) {
            field(grants, base, &name.value)?;
        }
    }
    for name in query.segments.iter() {
        visible(grants.segment_level(table.find_segment(&name.value).unwrap()))?;
    }
    if let Some(filter) = &query.filter {
        condition(grants, base, &filter.value, &own)?;
    }
    let columns = columns(query, grants, base);
    for key in query.order_by.iter().filter(|key| !columns.contains(&key.value.field.value)) {
        field(grants, base, &key.value.field.value)?;
    }
    Ok(())
}

fn visible(level: Level) -> Result<(), &'static str> {
    if level == Level::Query { Ok(()) } else { Err("NotFound") }
}

fn field(grants: &Grants, base: TableId, name: &str) -> Result<(), &'static str> {
    let chain: Vec<&str> = name.split('.').collect();
    grants.find_field(base, &chain).map(drop).map_err(|missing| kind(&missing))
}

fn condition(
    grants: &Grants,
    base: TableId,
    filter: &Filter,
    own: &dyn Fn(&str) -> bool,
) -> Result<(), &'static str> {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter().try_for_each(|part| condition(grants, base, &part.value, own))
        }
        Filter::Not(inner) => condition(grants, base, inner, own),
        Filter::Segment(name) => {
            let table = grants.snapshot().table(base);
            visible(grants.segment_level(table.find_segment(&name.value).unwrap()))
        }
        Filter::Exists { .. } | Filter::Metric { .. } => panic!("no question of the shop has it"),
        Filter::Field { field: name, .. } | Filter::Relative { field: name, .. } => {
            if own(&name.value) { Ok(()) } else { field(grants, base, &name.value) }
        }
    }
}

/// The names of the answer's columns, in their order.
fn columns(query: &SemanticQuery, grants: &Grants, base: TableId) -> Vec<String> {
    let fields = query.group_by.iter().chain(query.fields.iter()).map(|ask| &ask.value);
    let fields = fields.map(|ask| (ask.alias.clone(), ask.field.value.clone()));
    let metrics = query.metrics.iter().map(|ask| &ask.value);
    let metrics = metrics.map(|ask| (ask.alias.clone(), ask.name.value.clone()));
    let measures = query.measures.iter().map(|ask| &ask.value);
    let measures = measures.map(|ask| (ask.alias.clone(), ask.name.value.clone()));
    let numbers = metrics.chain(measures);
    let aggregations = query.aggregations.iter().map(|ask| {
        let function = &ask.value.function.value;
        let field = ask.value.field.as_ref().map(|field| format!("{function}_{}", field.value));
        (ask.value.alias.clone(), field.unwrap_or_else(|| function.clone()))
    });
    let named = fields.chain(numbers).chain(aggregations);
    let mut named: Vec<String> = named.map(|(alias, name)| alias.unwrap_or(name)).collect();
    if !query.totals.is_empty() {
        named.push("totals".to_owned());
    }
    if named.is_empty() {
        return grants.fields(base).map(|field| field.name.clone()).collect();
    }
    named
}

#[test]
fn golden_answers_refuse_what_the_policies_hide() {
    let grants = ASKERS.map(|asker| (asker.name, grants(asker.name)));
    let queries = queries();
    assert!(queries.len() >= 40);
    for (name, query) in &queries {
        for (asker, grants) in &grants {
            let golden = fixtures("golden").join(format!("{name}.{asker}.csv"));
            let golden = read_to_string(golden).unwrap();
            let first = golden.lines().next().unwrap();
            match refusal(query, grants) {
                Err(error) => assert_eq!(golden, format!("error: {error}\n"), "{name}, {asker}"),
                Ok(()) => {
                    let inner = query.from.as_ref().map_or(query, |inner| &inner.value);
                    let table = inner.table.as_ref().map(|name| grants.find_table(&name.value));
                    let metric = inner.metrics.first().map(|ask| {
                        let id = grants.find_metric(&ask.value.name.value).unwrap();
                        grants.snapshot().metric(id).table().unwrap()
                    });
                    let base = table.map(Result::unwrap).or(metric).unwrap();
                    let expected = columns(query, grants, base).join(",");
                    assert_eq!(first, expected, "{name}, {asker}");
                }
            }
        }
    }
}

#[test]
fn every_golden_answer_has_a_question() {
    let queries = queries();
    let files = read_dir(fixtures("golden")).unwrap();
    for file in files.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let known = queries.iter().any(|(name, _)| {
            ASKERS.iter().any(|asker| file == format!("{name}.{}.csv", asker.name))
        });
        assert!(known, "{file}");
    }
}
