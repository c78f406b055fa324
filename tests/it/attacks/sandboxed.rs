//! L5, L7, L18, L34: rows are hidden where they are read, before joins, limits and aggregations,
//! and nothing is told from statistics that cover the hidden ones.

use super::failing::Value;
use super::world::{Kind, Row, Storage, TOKEN, World, notes_with};

async fn lines(world: &World, group: &str, query: &str) -> Vec<String> {
    let answer = world.session(group).query_json(query).await.unwrap();
    let csv = answer.collect().await.unwrap().to_csv().unwrap();
    assert!(!csv.contains(TOKEN), "{query}");
    csv.lines().skip(1).map(str::to_owned).collect()
}

/// Every selectivity that tells something, in memory and in files.
async fn check(query: &str, expected: impl Fn(&[Row]) -> Vec<String>) {
    for storage in [Storage::Memory, Storage::Parquet] {
        for visible in [0, 1, 60] {
            let world = World::new(storage, visible).await;
            let wanted = expected(&world.seen(Kind::Own));
            for group in ["own", "range", "related", "union"] {
                let found = lines(&world, group, query).await;
                assert_eq!(found, wanted, "{storage:?} {visible} % {group}: {query}");
            }
        }
    }
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn l5_rows_stay_where_what_they_lead_to_is_hidden() {
    let query = r#"{"table":"notes","fields":["id","item.id"]}"#;
    check(query, |seen| {
        let notes = notes_with(seen, |row| Some(Value::Whole(i128::from(row.id))));
        notes.iter().map(|(id, item)| format!("{id},{}", shown(item.as_ref()))).collect()
    })
    .await;
}

#[tokio::test]
async fn l5_a_count_does_not_change_through_a_join() {
    let query = r#"{"table":"notes","group_by":["item.tenant"],"aggregations":["count"]}"#;
    check(query, |seen| {
        let notes = notes_with(seen, |row| Some(Value::Text(row.tenant?.to_owned())));
        let found = notes.iter().filter(|(_, tenant)| tenant.is_some()).count();
        let none = format!(",{}", notes.len() - found);
        if found == 0 { vec![none] } else { vec![format!("a,{found}"), none] }
    })
    .await;
}

#[tokio::test]
async fn l18_count_is_that_of_the_visible_rows() {
    let query = r#"{"table":"items","aggregations":["count"]}"#;
    check(query, |seen| vec![seen.len().to_string()]).await;
}

#[tokio::test]
async fn l18_least_and_greatest_are_those_of_the_visible_rows() {
    let of = |field: &str| {
        format!(r#"{{"function":"min","field":"{field}"}},{{"function":"max","field":"{field}"}}"#)
    };
    let all = ["id", "big", "low", "secret", "day", "tenant"].map(of).join(",");
    let query = format!(r#"{{"table":"items","aggregations":["count",{all}]}}"#);
    check(&query, |seen| {
        fn ends<T: Ord + ToString + Clone>(values: Vec<Option<T>>) -> String {
            let least = values.iter().flatten().min().cloned();
            let most = values.iter().flatten().max().cloned();
            format!("{},{}", shown(least), shown(most))
        }
        let parts = [
            seen.len().to_string(),
            ends(seen.iter().map(|row| Some(row.id)).collect()),
            ends(seen.iter().map(|row| row.big).collect()),
            ends(seen.iter().map(|row| row.low).collect()),
            ends(seen.iter().map(|row| row.secret.clone()).collect()),
            ends(seen.iter().map(|row| row.day.clone()).collect()),
            ends(seen.iter().map(|row| row.tenant).collect()),
        ];
        vec![parts.join(",")]
    })
    .await;
}

#[tokio::test]
async fn l20_an_order_does_not_see_hidden_rows() {
    let order = r#""order_by":[{"field":"big","order":"desc"}],"limit":4"#;
    check(&format!(r#"{{"table":"items","fields":["id","big"],{order}}}"#), |seen| {
        let mut rows: Vec<&Row> = seen.iter().collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.big), row.id));
        rows.iter().take(4).map(|row| format!("{},{}", row.id, shown(row.big))).collect()
    })
    .await;
}

#[tokio::test]
async fn l34_a_limit_counts_visible_rows() {
    for limit in [1, 2, 199, 200, 201, 11_999, 12_000, 12_001, 30_000] {
        let query = format!(r#"{{"table":"items","fields":["id"],"limit":{limit}}}"#);
        let first = |seen: &[Row]| {
            seen.iter().take(limit).map(|row| row.id.to_string()).collect::<Vec<String>>()
        };
        let world = World::new(Storage::Parquet, 60).await;
        let wanted = first(&world.seen(Kind::Own));
        assert_eq!(wanted.len(), limit.min(12_000));
        for group in ["own", "either", "restricted"] {
            assert_eq!(lines(&world, group, &query).await, wanted, "{group} {limit}");
        }
    }
}

#[tokio::test]
async fn l34_a_limit_on_groups() {
    let query = r#"{"table":"items","group_by":["secret"],"limit":5}"#;
    check(query, |seen| {
        let mut secrets: Vec<String> = seen.iter().filter_map(|row| row.secret.clone()).collect();
        secrets.sort();
        secrets.dedup();
        secrets.truncate(5);
        secrets
    })
    .await;
}

#[tokio::test]
async fn l7_values_of_a_field_are_those_of_the_visible_rows() {
    for storage in [Storage::Memory, Storage::Parquet] {
        let world = World::new(storage, 50).await;
        let values = world.session("own").field_values("items", "secret", 10_000).await.unwrap();
        let csv = values.to_csv().unwrap();
        let mut wanted: Vec<String> =
            world.seen(Kind::Own).into_iter().filter_map(|row| row.secret).collect();
        wanted.sort();
        wanted.dedup();
        assert_eq!(csv.lines().skip(1).collect::<Vec<_>>(), wanted);
    }
}
