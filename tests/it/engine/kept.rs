//! Answers that are kept: given again to whoever would be given the same, and to nobody else.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use datafusion::datasource::MemTable;
use futures::StreamExt;
use futures::future::join_all;
use sandbar::{
    Action, Decision, Engine, EngineBuilder, ErrorKind, Limits, Model, Principal, PrincipalBuilder,
    SemanticQuery, Session,
};

use super::files;
use super::{
    COUNT, LIST, MODEL, POLICIES, asked, builder, chief, csv, hosted, model, rows, tenant,
};

const ROOM: u64 = 16 << 20;

/// An engine that keeps answers, and what it says of each question: whether its answer was kept.
struct Keeping {
    engine: Engine,
    kept: Arc<Mutex<Vec<bool>>>,
}

impl Keeping {
    async fn over(builder: EngineBuilder) -> Self {
        let kept = Arc::<Mutex<Vec<bool>>>::default();
        let told = Arc::clone(&kept);
        let sink = move |decision: &Decision| {
            if matches!(decision.action, Action::Query | Action::FieldValues) {
                told.lock().unwrap().push(decision.kept);
            }
        };
        Self { engine: builder.decisions(sink).build().await.unwrap(), kept }
    }

    async fn of_room(bytes: u64) -> Self {
        Self::over(builder(40).keep_answers(bytes)).await
    }

    /// Whether the answers since the last look were kept.
    fn kept(&self) -> Vec<bool> {
        std::mem::take(&mut self.kept.lock().unwrap())
    }

    /// What somebody is told, and whether that was kept.
    async fn told(&self, session: &Session, query: &str) -> (String, bool) {
        let told = csv(session, query).await;
        let kept = self.kept();
        assert_eq!(kept.len(), 1, "{query}");
        (told, kept[0])
    }
}

#[tokio::test]
async fn what_is_asked_again_is_kept() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    for query in [
        LIST,
        COUNT,
        r#"{"metrics":["turnover"],"group_by":["tenant",{"field":"at","grain":"week"}]}"#,
        r#"{"table":"sales","fields":["id"],"filter":{"field":"id","value":-1}}"#,
    ] {
        let (first, kept) = world.told(&a, query).await;
        assert!(!kept, "{query}");
        assert_eq!(world.told(&a, query).await, (first, true), "{query}");
    }
    let values = a.field_values("sales", "tenant", 5).await.unwrap().to_csv().unwrap();
    let again = a.field_values("sales", "tenant", 5).await.unwrap().to_csv().unwrap();
    assert_eq!((values, world.kept()), (again, vec![false, true]));
    // The answer says the same of itself.
    let query = r#"{"table":"sales","fields":["amount"],"limit":3}"#;
    let [first, second] = [asked(&a, query).await.unwrap(), asked(&a, query).await.unwrap()];
    assert_eq!(world.kept(), [false, true]);
    assert_eq!(first.warnings(), second.warnings());
    assert_eq!((first.schema(), first.is_scoped()), (second.schema(), second.is_scoped()));
    assert_eq!(format!("{:?}", first.columns()), format!("{:?}", second.columns()));
}

#[tokio::test]
async fn nothing_is_kept_unless_the_host_says_so() {
    let world = Keeping::over(builder(40)).await;
    let a = tenant(&world.engine, "a");
    assert_eq!(world.told(&a, LIST).await.0, world.told(&a, LIST).await.0);
    let _ = (csv(&a, LIST).await, csv(&a, LIST).await);
    assert_eq!(world.kept(), [false, false]);
}

#[tokio::test]
async fn the_names_of_columns_are_those_that_are_asked_for() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    let of = |name: &str| {
        format!(r#"{{"table":"sales","aggregations":[{{"function":"count","as":"{name}"}}]}}"#)
    };
    assert_eq!(world.told(&a, &of("one")).await.0, "one\n20\n");
    assert_eq!(world.told(&a, &of("other")).await.0, "other\n20\n");
}

#[tokio::test]
async fn l14_what_one_is_told_is_told_to_nobody_else() {
    let world = Keeping::of_room(ROOM).await;
    let engine = &world.engine;
    let (a, b) = (tenant(engine, "a"), tenant(engine, "b"));
    let plain = builder(40).build().await.unwrap();
    for query in [LIST, COUNT, r#"{"metrics":["turnover"]}"#] {
        for (asker, alone) in [(&a, tenant(&plain, "a")), (&b, tenant(&plain, "b"))] {
            let expected = csv(&alone, query).await;
            assert_eq!(world.told(asker, query).await, (expected, false), "{query}");
        }
        let all = csv(&chief(&plain), query).await;
        assert_eq!(world.told(&chief(engine), query).await, (all, false), "{query}");
    }
    // Another person with the same rights is given the same.
    let principal = Principal::asserted_by_host("somebody else of a").group("tenants");
    let other = engine.session(principal.attribute("tenant", "a").build().unwrap());
    assert_eq!(world.told(&other, COUNT).await, ("count\n20\n".to_owned(), true));
    // Who may not ask at all is refused as ever.
    let nobody = engine.session(Principal::asserted_by_host("nobody").build().unwrap());
    assert_eq!(asked(&nobody, COUNT).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn l14_stampedes_of_two_tenants_are_told_apart() {
    let world = Keeping::over(builder(400).keep_answers(ROOM)).await;
    let query = r#"{"table":"sales","group_by":["tenant"],"aggregations":["count"]}"#;
    // As many as find room among those that wait.
    let work = (0..60).map(|n| {
        let session = tenant(&world.engine, if n % 2 == 0 { "a" } else { "b" });
        async move { (n, csv(&session, query).await) }
    });
    for (n, told) in join_all(work).await {
        let own = if n % 2 == 0 { "a" } else { "b" };
        assert_eq!(told, format!("tenant,count\n{own},200\n"));
    }
    assert!(world.kept().contains(&true));
}

const TYPED: &str = "
attributes: { code: { type: text }, number: { type: integer } }
groups: { texts: {}, numbers: {}, masked: {}, clear: {}, few: {} }
policies:
  texts: { groups: [texts], grant: { tables: [sales], rows: tenant = attribute.code } }
  numbers: { groups: [numbers], grant: { tables: [sales], rows: id = attribute.number } }
  masked: { groups: [masked], grant: { tables: [sales], masks: { code: { prefix: 6 } } } }
  clear: { groups: [clear], grant: { tables: [sales] } }
  few: { groups: [few], grant: { tables: [sales], fields: { only: [id] } } }
";

#[tokio::test]
async fn l15_rights_that_read_alike_are_other_rights() {
    let typed = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", TYPED);
    let world = Keeping::over(typed.batches("sales", vec![rows(4)]).keep_answers(ROOM)).await;
    let who = |group: &str| Principal::asserted_by_host("one").group(group);
    let session = |principal: PrincipalBuilder| world.engine.session(principal.build().unwrap());
    let codes = r#"{"table":"sales","fields":["code"],"filter":{"field":"id","value":1}}"#;
    let clear = "code\ncode 1 and some text to keep in memory\n";
    assert_eq!(world.told(&session(who("clear")), codes).await.0, clear);
    assert_eq!(world.told(&session(who("masked")), codes).await.0, "code\ncode 1***\n");
    assert_eq!(world.told(&session(who("clear")), codes).await, (clear.to_owned(), true));
    let few = asked(&session(who("few")), codes).await.unwrap_err();
    assert_eq!((few.kind(), world.kept()), (ErrorKind::NotFound, vec![false]));
    // One number and another one, one text and another one.
    for (principal, expected) in [
        (who("numbers").attribute("number", 1), "id\n1\n"),
        (who("numbers").attribute("number", 2), "id\n2\n"),
        (who("texts").attribute("code", "1"), "id\n"),
        (who("texts").attribute("code", "a"), "id\n0\n2\n"),
        (who("texts").attribute("code", "b"), "id\n1\n3\n"),
        (
            who("texts").group("numbers").attribute("code", "b").attribute("number", 2),
            "id\n1\n2\n3\n",
        ),
    ] {
        let told = world.told(&session(principal.clone()), LIST).await;
        assert_eq!(told, (expected.to_owned(), false));
        let _ = world.told(&session(principal), LIST).await;
    }
}

#[tokio::test]
async fn periods_are_those_of_the_moment_that_asks() {
    let hours = Arc::new(AtomicU64::new(20 * 24 + 1));
    let clock = Arc::clone(&hours);
    let now = move || UNIX_EPOCH + Duration::from_hours(clock.load(Ordering::SeqCst));
    let world = Keeping::over(builder(40).clock(now).keep_answers(ROOM)).await;
    let boss = chief(&world.engine);
    // A row a day, whose id is the day.
    let query = r#"{"table":"sales","fields":["id"],
        "filter":{"field":"at","op":"previous","count":1,"unit":"day"}}"#;
    assert_eq!(world.told(&boss, query).await, ("id\n19\n".to_owned(), false));
    hours.fetch_add(22, Ordering::SeqCst);
    assert_eq!(world.told(&boss, query).await, ("id\n19\n".to_owned(), true));
    hours.fetch_add(1, Ordering::SeqCst);
    assert_eq!(world.told(&boss, query).await, ("id\n20\n".to_owned(), false));
    // Days of another zone are other days.
    let there = query.replacen('{', r#"{"time_zone":"Pacific/Auckland","#, 1);
    let told = world.told(&boss, &there).await;
    assert_eq!(told, ("id\n20\n".to_owned(), false));
}

#[tokio::test]
async fn what_is_kept_is_never_older_than_the_files() {
    for (format, extension) in files::FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(format!("{name}.{extension}"));
        files::write(&file("1"), format, 0..10);
        let model = format!(
            "sources: {{ points: {{ format: {format}, path: . }} }}
tables: {{ points: {{ primary_key: [id], fields: {{ id: {{}}, team: {{}}, points: {{}} }} }} }}"
        );
        let made = Engine::builder()
            .model("model.yaml", &model)
            .policies("policies.yaml", files::POLICIES)
            .base_dir(folder.path());
        let world = Keeping::over(made.keep_answers(ROOM)).await;
        let red = Principal::asserted_by_host("red").group("teams").attribute("team", "red");
        let red = world.engine.session(red.build().unwrap());
        let query = r#"{"table":"points","aggregations":["count"]}"#;
        let check = async |count: u32, kept: bool| {
            let expected = (format!("count\n{count}\n"), kept);
            assert_eq!(world.told(&red, query).await, expected, "{format}");
        };
        check(5, false).await;
        check(5, true).await;
        files::write(&file("2"), format, 10..20);
        check(10, false).await;
        check(10, true).await;
        // Another file in the place of one.
        files::write(&file("3"), format, 20..26);
        fs::rename(file("3"), file("2")).unwrap();
        check(8, false).await;
        fs::remove_file(file("2")).unwrap();
        check(5, false).await;
        check(5, true).await;
        // Where they cannot be listed there is an error, and no answer of before.
        fs::remove_file(file("1")).unwrap();
        assert_eq!(asked(&red, query).await.unwrap_err().code(), "E0305", "{format}");
    }
}

/// As a copy does that keeps the times of files.
#[tokio::test]
async fn a_file_that_says_an_old_time_is_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.csv");
    let old = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let write = |points: i64| {
        fs::write(&path, format!("id,team,points,weight,fit\n1,red,{points},1.5,true\n")).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    };
    write(7);
    let made = files::over_points("csv", ".").base_dir(folder.path()).keep_answers(ROOM);
    let world = Keeping::over(made).await;
    let red = files::session(&world.engine);
    let query =
        r#"{"table":"points","aggregations":[{"function":"sum","field":"points","as":"s"}]}"#;
    let sum = |points: i64, kept| (format!("s\n{points}\n"), kept);
    assert_eq!(world.told(&red, query).await, sum(7, false));
    assert_eq!(world.told(&red, query).await, sum(7, true));
    // Written over in place, and in a new file that may have the old one's inode.
    write(8);
    assert_eq!(world.told(&red, query).await, sum(8, false));
    fs::remove_file(&path).unwrap();
    write(9);
    assert_eq!(world.told(&red, query).await, sum(9, false));
    assert_eq!(world.told(&red, query).await, sum(9, true));
}

#[tokio::test]
async fn tables_of_the_host_may_change_unseen() {
    let table = MemTable::try_new(rows(4).schema(), vec![vec![rows(4)]]).unwrap();
    let world = Keeping::over(hosted(Arc::new(table)).keep_answers(ROOM)).await;
    let boss = chief(&world.engine);
    assert_eq!(world.told(&boss, COUNT).await, ("count\n4\n".to_owned(), false));
    assert_eq!(world.told(&boss, COUNT).await, ("count\n4\n".to_owned(), false));
}

#[tokio::test]
async fn l43_a_reload_begins_with_nothing_kept() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    let _ = world.told(&a, COUNT).await;
    world.engine.reload(&model()).await.unwrap();
    assert_eq!(world.told(&a, COUNT).await, ("count\n20\n".to_owned(), false));
    let fewer = POLICIES.replace("rows: tenant", "rows: id < 10 and tenant");
    let less = Model::new().with_model("model.yaml", MODEL);
    world.engine.reload(&less.clone().with_policies("policies.yaml", &fewer)).await.unwrap();
    assert_eq!(world.told(&a, COUNT).await, ("count\n5\n".to_owned(), false));
    let none: String =
        POLICIES.lines().filter(|l| !l.contains("own:")).map(|l| format!("{l}\n")).collect();
    world.engine.reload(&less.with_policies("policies.yaml", &none)).await.unwrap();
    assert_eq!(asked(&a, COUNT).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_fresh_answer_passes_by_what_is_kept() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    let fresh = a.clone().fresh();
    let twenty = |kept| ("count\n20\n".to_owned(), kept);
    assert_eq!(world.told(&a, COUNT).await, twenty(false));
    assert_eq!(world.told(&fresh, COUNT).await, twenty(false));
    assert_eq!(world.told(&a, COUNT).await, twenty(true));
    // It is kept, too.
    assert!(!world.told(&fresh, LIST).await.1);
    assert!(world.told(&a, LIST).await.1);
}

#[tokio::test]
async fn only_whole_answers_are_kept() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    // One that its asker does not read to its end.
    let mut begun = a.query_json(LIST).await.unwrap();
    assert!(begun.next().await.unwrap().is_ok());
    drop(begun);
    // One that fails.
    let fails = r#"{"table":"sales","fields":["id","share"]}"#;
    let code = asked(&a, fails).await.map(|_| ()).map_err(|error| error.code());
    let again = asked(&a, fails).await.map(|_| ()).map_err(|error| error.code());
    assert_eq!(code, again);
    // One that is cut off.
    let short = a.clone().with_limits(Limits::default().with_rows(3));
    assert!(asked(&short, LIST).await.unwrap().is_truncated());
    assert!(asked(&short, LIST).await.unwrap().is_truncated());
    assert_eq!(asked(&short, LIST).await.unwrap().num_rows(), 3);
    let seen = world.kept();
    assert!(!seen[0]);
    assert_eq!(seen[3..], [false, false, false]);
    // Whoever may have more rows is given all of them.
    assert_eq!(asked(&a, LIST).await.unwrap().num_rows(), 20);
}

#[tokio::test]
async fn limits_hold_for_what_is_kept() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    assert_eq!(asked(&a, LIST).await.unwrap().num_rows(), 20);
    // Twenty numbers of eight bytes.
    let exact = a.clone().with_limits(Limits::default().with_bytes(160));
    assert_eq!(asked(&exact, LIST).await.unwrap().num_rows(), 20);
    let fewer = a.clone().with_limits(Limits::default().with_bytes(159));
    assert_eq!(asked(&fewer, LIST).await.unwrap_err().code(), "E0311");
    let short = a.clone().with_limits(Limits::default().with_time(Some(Duration::ZERO)));
    assert_eq!(asked(&short, LIST).await.unwrap_err().code(), "E0302");
    let seen = world.kept();
    assert_eq!(seen[1..3], [true, true]);
}

#[tokio::test]
async fn e0312_rows_that_were_kept_count() {
    let world = Keeping::over(builder(40).rows_per_hour(40).keep_answers(ROOM)).await;
    let a = tenant(&world.engine, "a");
    let _ = (csv(&a, LIST).await, csv(&a, LIST).await);
    assert_eq!(world.kept(), [false, true]);
    assert_eq!(asked(&a, LIST).await.unwrap_err().code(), "E0312");
}

#[tokio::test]
async fn there_is_room_for_so_much() {
    // Half a kilobyte for one answer: no plan finds room in that.
    let world = Keeping::of_room(4 << 10).await;
    let a = tenant(&world.engine, "a");
    let _ = (csv(&a, LIST).await, csv(&a, LIST).await);
    assert_eq!(world.kept(), [false, false]);
    // Of many answers some are kept.
    let world = Keeping::of_room(512 << 10).await;
    let a = tenant(&world.engine, "a");
    let query = |id: usize| {
        format!(
            r#"{{"table":"sales","fields":["id","code"],"filter":{{"field":"id","value":{id}}}}}"#
        )
    };
    for round in 0..2 {
        for id in 0..200 {
            let expected = if id < 40 && id % 2 == 0 { 1 } else { 0 };
            assert_eq!(asked(&a, &query(id)).await.unwrap().num_rows(), expected, "{round}: {id}");
        }
    }
    let kept = world.kept().iter().filter(|kept| **kept).count();
    assert!(kept < 200, "{kept}");
    let _ = csv(&a, &query(7)).await;
    let _ = csv(&a, &query(7)).await;
    assert_eq!(world.kept().last(), Some(&true));
}

#[tokio::test]
async fn l32_what_is_kept_holds_nothing_beside_itself() {
    let world = Keeping::over(builder(4_000).keep_answers(ROOM)).await;
    let boss = chief(&world.engine);
    // A chief sees all, so that the batches of his answer could be parts of those of the table.
    let query = r#"{"table":"sales","fields":["code"],"filter":{"field":"id","value":3}}"#;
    for _ in 0..2 {
        let told = asked(&boss, query).await.unwrap();
        let bytes: usize = told.batches().iter().map(|batch| batch.get_array_memory_size()).sum();
        assert!(bytes < 4_000, "{bytes}");
    }
    assert_eq!(world.kept(), [false, true]);
}

#[tokio::test]
async fn an_explanation_is_that_of_the_question() {
    let world = Keeping::of_room(ROOM).await;
    let a = tenant(&world.engine, "a");
    let query = SemanticQuery::from_json(COUNT).unwrap();
    let before = format!("{:?}", a.explain(&query).await.unwrap());
    let _ = (csv(&a, COUNT).await, csv(&a, COUNT).await);
    assert_eq!(format!("{:?}", a.explain(&query).await.unwrap()), before);
}
