//! L1, L2: what an asker has computed on rows that are hidden from him neither fails nor tells.
//!
//! DataFusion merges a policy with the question and may evaluate the question first; then a
//! division, a cast or a CASE fails on hidden rows (security 2.4). Every answer is compared with
//! one computed row by row over the data, for policies that let 0 to 100 % of the rows pass.

use sandbar::{ErrorKind, Session};
use sandbar_testkit::collected;

use super::failing::{ATTACKS, Attack};
use super::positions::{POSITIONS, Position};
use super::world::{KINDS, Kind, Storage, TOKEN, World};

const SELECTIVITIES: [i64; 7] = [0, 1, 10, 50, 90, 99, 100];

/// The lines below the header, or what went wrong, which must not tell anything either.
async fn lines(session: &Session, query: &str) -> Result<Vec<String>, String> {
    let csv = match collected(session, query).await {
        Ok(collected) => collected.to_csv().unwrap(),
        Err(error) => {
            let told = format!("{error} {error:?}");
            assert!(!told.contains(TOKEN), "{query}: the error tells a hidden value: {told}");
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            return Err(format!("{} {error} ({cause:?})", error.code()));
        }
    };
    assert!(!csv.contains(TOKEN), "{query}: a hidden value is answered");
    Ok(csv.lines().skip(1).map(str::to_owned).collect())
}

/// Compares one answer; what differs, in a few words.
async fn difference(
    world: &World,
    kind: Kind,
    attack: &Attack,
    position: &Position,
) -> Option<String> {
    let group = KINDS.iter().find(|(known, _)| *known == kind).unwrap().1;
    let query = (position.ask)(attack)?;
    let expected = (position.expect)(attack, &world.seen(kind));
    // What he makes himself of cells that are hidden is what it makes of missing values.
    let partly = matches!(kind, Kind::Cells | Kind::RelatedCells) && attack.name == "branched";
    let by_himself = by_himself(&query, attack).filter(|_| !partly);
    for query in by_himself.into_iter().chain([query]) {
        let what = match lines(&world.session(group), &query).await {
            Ok(found) if found == expected => continue,
            Ok(found) => {
                let first = expected.iter().zip(&found).find(|(a, b)| a != b);
                format!("{} lines ≠ {}, first {first:?}", expected.len(), found.len())
            }
            Err(error) => error,
        };
        let at = format!("{kind:?} {} in {}", attack.name, position.name);
        return Some(format!("{at}: {what}\n    {query}"));
    }
    None
}

/// The same question of an asker who writes the calculation himself, where it names it.
fn by_himself(query: &str, attack: &Attack) -> Option<String> {
    let own = query.replace(&format!("\"{}\"", attack.name), "\"his_own\"");
    let calculated = format!("{{\"calculated\":{{\"his_own\":{:?}}},", attack.expr);
    // Where that is of rows: in the inner question of an answer.
    let start = if own.contains("{\"table\"") { "{\"table\"" } else { "{" };
    let with_own = calculated + start.trim_start_matches('{');
    (own != query).then(|| own.replacen(start, &with_own, 1))
}

/// Every selectivity; attacks and positions take turns.
async fn check(storage: Storage, kind: Kind) {
    let mut differences = Vec::new();
    let mut turn = KINDS.iter().position(|(known, _)| *known == kind).unwrap();
    for (round, selectivity) in SELECTIVITIES.into_iter().enumerate() {
        let world = World::new(storage, selectivity).await;
        let first = (round + usize::from(matches!(storage, Storage::Parquet))) % 2;
        for position in POSITIONS.iter().skip(first).step_by(2) {
            turn += 1;
            let attack = &ATTACKS[turn % ATTACKS.len()];
            let found = difference(&world, kind, attack, position).await;
            differences.extend(found.map(|found| format!("{selectivity} %: {found}")));
        }
    }
    report(&differences);
}

/// Every attack in every position.
async fn check_all_attacks(storage: Storage, selectivity: i64) {
    let world = World::new(storage, selectivity).await;
    let mut differences = Vec::new();
    for attack in &ATTACKS {
        for position in &POSITIONS {
            differences.extend(difference(&world, Kind::Own, attack, position).await);
        }
    }
    report(&differences);
}

/// Division, cast and CASE straight in a filter, each at every selectivity.
async fn check_direct(storage: Storage) {
    let filter = POSITIONS.iter().find(|position| position.name == "filter").unwrap();
    let attacks = ["ratio", "parsed", "branched"];
    let attacks = attacks.map(|name| ATTACKS.iter().find(|attack| attack.name == name).unwrap());
    let mut differences = Vec::new();
    for selectivity in SELECTIVITIES {
        let world = World::new(storage, selectivity).await;
        for attack in attacks {
            let found = difference(&world, Kind::Own, attack, filter).await;
            differences.extend(found.map(|found| format!("{selectivity} %: {found}")));
        }
    }
    report(&differences);
}

fn report(differences: &[String]) {
    let first: Vec<&str> = differences.iter().take(12).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), first.join("\n"));
}

macro_rules! cases {
    ($($name:ident: $check:ident($($arg:expr),*);)*) => {
        $(#[tokio::test]
        async fn $name() {
            $check($($arg),*).await;
        })*
    };
}

cases! {
    l1_rows_of_the_asker_in_memory: check(Storage::Memory, Kind::Own);
    l1_rows_of_a_list_in_memory: check(Storage::Memory, Kind::List);
    l1_rows_of_a_range_in_memory: check(Storage::Memory, Kind::Range);
    l1_rows_by_a_related_table_in_memory: check(Storage::Memory, Kind::Related);
    l1_rows_by_own_or_related_in_memory: check(Storage::Memory, Kind::Either);
    l1_rows_of_a_grant_and_a_restriction_in_memory: check(Storage::Memory, Kind::Restricted);
    l1_rows_of_two_grants_in_memory: check(Storage::Memory, Kind::Union);
    l1_cells_in_memory: check(Storage::Memory, Kind::Cells);
    l1_cells_by_a_related_table_in_memory: check(Storage::Memory, Kind::RelatedCells);
    l1_masked_cells_in_memory: check(Storage::Memory, Kind::MaskedCells);
    l1_rows_of_a_set_in_memory: check(Storage::Memory, Kind::InSet);
    l1_rows_of_no_set_in_memory: check(Storage::Memory, Kind::NotInSet);
    l1_rows_that_go_with_others_in_memory: check(Storage::Memory, Kind::Goes);
    l1_rows_of_the_asker_in_parquet: check(Storage::Parquet, Kind::Own);
    l1_rows_of_a_list_in_parquet: check(Storage::Parquet, Kind::List);
    l1_rows_of_a_range_in_parquet: check(Storage::Parquet, Kind::Range);
    l1_rows_by_a_related_table_in_parquet: check(Storage::Parquet, Kind::Related);
    l1_rows_by_own_or_related_in_parquet: check(Storage::Parquet, Kind::Either);
    l1_rows_of_a_grant_and_a_restriction_in_parquet: check(Storage::Parquet, Kind::Restricted);
    l1_rows_of_two_grants_in_parquet: check(Storage::Parquet, Kind::Union);
    l1_cells_in_parquet: check(Storage::Parquet, Kind::Cells);
    l1_cells_by_a_related_table_in_parquet: check(Storage::Parquet, Kind::RelatedCells);
    l1_masked_cells_in_parquet: check(Storage::Parquet, Kind::MaskedCells);
    l1_rows_of_a_set_in_parquet: check(Storage::Parquet, Kind::InSet);
    l1_rows_of_no_set_in_parquet: check(Storage::Parquet, Kind::NotInSet);
    l1_rows_that_go_with_others_in_parquet: check(Storage::Parquet, Kind::Goes);
    l1_division_cast_and_case_in_a_filter_in_memory: check_direct(Storage::Memory);
    l1_division_cast_and_case_in_a_filter_in_parquet: check_direct(Storage::Parquet);
    l1_every_calculation_where_half_is_hidden: check_all_attacks(Storage::Memory, 50);
    l1_every_calculation_where_little_is_hidden: check_all_attacks(Storage::Memory, 99);
    l1_every_calculation_over_parquet: check_all_attacks(Storage::Parquet, 90);
    l2_a_failing_row_that_is_seen_in_memory: check_failure(Storage::Memory);
    l2_a_failing_row_that_is_seen_in_parquet: check_failure(Storage::Parquet);
}

/// A row that the asker sees makes the calculation fail: he is told so, and no value.
async fn check_failure(storage: Storage) {
    let world = World::with_harm(storage).await;
    let session = world.session("union");
    let mut wrong = Vec::new();
    for attack in &ATTACKS {
        for position in POSITIONS.iter().filter(|position| position.fails) {
            let Some(query) = (position.ask)(attack) else { continue };
            for query in by_himself(&query, attack).into_iter().chain([query]) {
                let collected = collected(&session, &query).await;
                let at = format!("{} in {}", attack.name, position.name);
                let Err(error) = collected else {
                    wrong.push(format!("{at}: no error"));
                    continue;
                };
                let told = format!("{error} {error:?} {:?}", error.problems());
                let values = [TOKEN, "100000", "92233720368547758", "99999999999", "1e300"];
                if values.iter().any(|value| told.contains(value)) {
                    wrong.push(format!("{at}: tells a value: {told}"));
                }
                if (error.kind(), error.code()) != (ErrorKind::InvalidQuery, "E0304") {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    wrong.push(format!("{at}: {error:?} {source:?}"));
                }
            }
        }
    }
    report(&wrong);
}

/// The parser gives all that follows to `distinct from`: with the condition behind it, rows of others
/// would be shown. It has to be in parentheses.
#[tokio::test]
async fn l1_a_policy_has_no_condition_swallowed_by_a_comparison() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
    let flags = |values: [bool; 4]| Arc::new(BooleanArray::from(values.to_vec())) as ArrayRef;
    let engine = async |rows: &str| {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
        let batch = RecordBatch::try_from_iter([
            ("id", ids),
            ("gone", flags([false, true, true, false])),
            ("own", flags([true, true, false, false])),
        ]);
        sandbar::Engine::builder()
            .model("m.yaml", "tables: { t: { primary_key: [id], fields: { id: {}, gone: {}, own: {} } } }")
            .policies("p.yaml", &format!("groups: {{ g: {{}} }}\npolicies: {{ a: {{ groups: [g], grant: {{ tables: [t], rows: '{rows}' }} }} }}"))
            .batches("t", vec![batch.unwrap()])
            .build()
            .await
    };
    for loose in [
        "gone is distinct from true and own",
        "gone is not distinct from true or own",
        "gone is distinct from own = true",
        "gone is distinct from not own",
        "gone is distinct from own is null",
    ] {
        let refused = engine(loose).await.expect_err(loose);
        let report = std::error::Error::source(&refused).unwrap().to_string();
        assert!(report.contains("parentheses"), "{loose}: {report}");
    }
    for (right, expected) in [
        ("(gone is distinct from true) and own", "id\n1\n"),
        ("own and gone is distinct from true", "id\n1\n"),
        ("gone is distinct from (true and own)", "id\n1\n3\n"),
    ] {
        let somebody = sandbar::Principal::asserted_by_host("ed").group("g").build().unwrap();
        let session = engine(right).await.unwrap().session(somebody);
        let answer = session.query_json(r#"{"table":"t","fields":["id"]}"#).await.unwrap();
        assert_eq!(answer.collect().await.unwrap().to_csv().unwrap(), expected, "{right}");
    }
}
