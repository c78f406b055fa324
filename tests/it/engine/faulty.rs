//! Sources that fail. Whatever a store does, a question ends with the right rows or with one clean
//! error, nothing is left behind, and the next question is answered.
//!
//! `SANDBAR_CASES` says how many random cases there are, `SANDBAR_SEED` which is the first.

#[cfg(target_os = "linux")]
mod handles;
mod replaced;
mod shop;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use sandbar::{Engine, Error, ErrorKind, Limits};
use sandbar_testkit::faults::{Fault, Faulty, Operation, SECRETS};
use sandbar_testkit::fixture;

use super::asked;
use super::files::{FORMATS, POLICIES, over_points, session, write};
use crate::generated::setting;

/// What makes a question fail or slows it down. A flipped bit is apart: not every format tells.
const FAULTS: [Fault; 13] = [
    Fault::Error,
    Fault::Throttled,
    Fault::Missing,
    Fault::Denied,
    Fault::Short,
    Fault::Long,
    Fault::BreaksOff,
    Fault::Elsewhere,
    Fault::Tagged,
    Fault::Resized,
    Fault::Late,
    Fault::Panic,
    Fault::PanicLater,
];

const STORE: &str = "s3://bucket-of-the-shop";

/// Sums that rest on every row, and a column of each type.
const SUM: &str = r#"{"table":"points","aggregations":["count",{"function":"sum","field":"points"},{"function":"max","field":"weight"}]}"#;

/// An engine over the files of `data` in a store.
async fn engine(store: Arc<dyn ObjectStore>, format: &str) -> Result<Engine, Error> {
    over_points(format, &format!("{STORE}/data"))
        .object_store(STORE, store)
        // What takes as long as that hangs, however busy the machine is.
        .limits(Limits::default().with_time(Some(Duration::from_secs(300))))
        .build()
        .await
}

/// The rows of some ids as a file of a format.
fn content(format: &str, ids: std::ops::Range<i64>) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), format, ids);
    std::fs::read(file.path()).unwrap()
}

/// What team red sees of the first `n` ids: even ones, of which every tenth has no points.
fn red(ids: std::ops::Range<i64>) -> String {
    let even = ids.filter(|id| id % 2 == 0);
    let (mut count, mut sum, mut last) = (0, 0, 0);
    for id in even {
        count += 1;
        sum += if id % 5 == 4 { 0 } else { id * 7 };
        last = id;
    }
    format!("count,sum_points,max_weight\n{count},{sum},{last}.25\n")
}

/// An error that its asker may see: of a source, and without a word of what it knows. What panics
/// while files are listed or read is no other case.
#[track_caller]
fn check_clean(error: &Error) {
    let told = format!("{error} {error:?}");
    for secret in SECRETS.iter().chain(&["s3:", "parquet", "data/", "Slow Down", "503"]) {
        assert!(!told.contains(secret), "`{secret}` is told: {told}");
    }
    let cause = error.source().map(|cause| format!("{cause:?}"));
    let end = (error.kind(), error.code());
    assert_eq!(end, (ErrorKind::Source, "E0305"), "{told}: {cause:?}");
}

async fn ask(engine: &Engine) -> Result<String, Error> {
    asked(&session(engine), SUM).await.map(|rows| rows.to_csv().unwrap())
}

#[tokio::test]
async fn every_fault_at_every_call_of_every_format() {
    let (mut right, mut failed) = (0, 0);
    for (format, extension) in FORMATS {
        let inner = Arc::new(InMemory::new());
        let files = [0..40, 40..60].map(|ids| content(format, ids));
        let put = async || {
            for (number, file) in files.iter().enumerate() {
                let path = Path::from(format!("data/{number}.{extension}"));
                // A new version each time, so that nothing is known of it.
                inner.put(&path, file.clone().into()).await.unwrap();
            }
        };
        put().await;
        let faulty = Faulty::over(Arc::clone(&inner) as _);
        let engine = engine(Arc::clone(&faulty) as _, format).await.unwrap();
        put().await;
        faulty.heal();
        assert_eq!(ask(&engine).await.unwrap(), red(0..60), "{format}");
        let calls = faulty.calls();
        assert!(calls > 4, "{format}: {calls} calls");
        // All of them take a while; otherwise each fault happens at some calls, and another one
        // at the next.
        let step = if setting("SANDBAR_CASES", 0) > 1_000 { 1 } else { 5 };
        for (shift, fault) in FAULTS.into_iter().enumerate() {
            let before = faulty.fired().get(&fault).copied().unwrap_or_default();
            for at in (shift % step..calls).step_by(step) {
                put().await;
                faulty.script(move |call| (call.number == at).then_some(fault));
                match ask(&engine).await {
                    Ok(rows) => {
                        assert_eq!(rows, red(0..60), "{format}: {fault:?} at {at}");
                        right += 1;
                    }
                    Err(error) => {
                        assert_ne!(error.code(), "E0302", "{format}: {fault:?} at {at} hangs");
                        check_clean(&error);
                        failed += 1;
                    }
                }
                assert_eq!(faulty.open(), 0, "{format}: {fault:?} at {at}");
            }
            assert!(faulty.fired()[&fault] > before, "{format}: {fault:?} never happened");
        }
        faulty.heal();
        assert_eq!(ask(&engine).await.unwrap(), red(0..60), "{format}: after all of them");
    }
    // Being late is no failure, and a listing has no bytes that could be wrong.
    assert!(right >= 5 && failed > 40, "{right} right, {failed} failed");
}

#[tokio::test]
async fn a_store_that_never_answers_is_no_longer_waited_for_than_the_question_may_take() {
    let inner = Arc::new(InMemory::new());
    inner.put(&Path::from("data/0.csv"), content("csv", 0..60).into()).await.unwrap();
    let faulty = Faulty::over(inner);
    let engine = engine(Arc::clone(&faulty) as _, "csv").await.unwrap();
    for (stalled, operation) in [Operation::List, Operation::Get].into_iter().enumerate() {
        faulty.script(move |call| (call.operation == operation).then_some(Fault::Stalled));
        let mut time = Duration::from_millis(50);
        // On a busy machine the time may be over before the store is asked.
        while faulty.fired().get(&Fault::Stalled).is_none_or(|fired| *fired <= stalled) {
            let limits = Limits::default().with_time(Some(time));
            let error = asked(&session(&engine).with_limits(limits), SUM).await.unwrap_err();
            let end = (error.kind(), error.code());
            assert_eq!(end, (ErrorKind::LimitExceeded, "E0302"), "{error}");
            assert_eq!(faulty.open(), 0);
            time *= 2;
        }
        faulty.heal();
        assert_eq!(ask(&engine).await.unwrap(), red(0..60));
    }
}

/// A host is told which file it is, and never the key that its store has.
#[tokio::test]
async fn an_engine_over_a_store_that_fails_is_not_built() {
    let inner = Arc::new(InMemory::new());
    inner.put(&Path::from("data/0.parquet"), content("parquet", 0..60).into()).await.unwrap();
    let faulty = Faulty::over(inner);
    for fault in FAULTS.into_iter().filter(|fault| *fault != Fault::Late) {
        for operation in [Operation::List, Operation::Get] {
            faulty.script(move |call| (call.operation == operation).then_some(fault));
            match engine(Arc::clone(&faulty) as _, "parquet").await {
                Ok(engine) => {
                    assert_eq!(operation, Operation::List, "{fault:?}");
                    faulty.heal();
                    assert_eq!(ask(&engine).await.unwrap(), red(0..60), "{fault:?}");
                }
                Err(error) => {
                    let end = (error.kind(), error.code());
                    assert_eq!(end, (ErrorKind::Source, "E0203"), "{fault:?}: {error}");
                }
            }
        }
    }
}

/// What becomes of a question when bits of the pages of a file are flipped, one at a time: right
/// answers, wrong ones, and errors. The footer is flipped too, but has no checksum to be held to.
async fn flipped(whole: &[u8], expected: &str, flips: usize) -> [usize; 3] {
    let length = u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().unwrap()) as usize;
    let footer = whole.len() - 8 - length;
    let inner = Arc::new(InMemory::new());
    let path = Path::from("data/0.parquet");
    inner.put(&path, whole.to_vec().into()).await.unwrap();
    let engine = engine(Arc::clone(&inner) as _, "parquet").await.unwrap();
    assert_eq!(ask(&engine).await.unwrap(), expected);
    let (mut right, mut wrong, mut failed) = (0, 0, 0);
    let step = (whole.len() / flips).max(1);
    for (place, bit) in (4..whole.len()).step_by(step).zip((0..8).cycle()) {
        let mut flipped = whole.to_vec();
        flipped[place] ^= 1 << bit;
        inner.put(&path, flipped.into()).await.unwrap();
        match ask(&engine).await {
            Ok(rows) if rows == expected => right += 1,
            Ok(_) if place >= footer => {}
            Ok(_) => wrong += 1,
            Err(error) => {
                check_clean(&error);
                failed += 1;
            }
        }
    }
    inner.put(&path, whole.to_vec().into()).await.unwrap();
    assert_eq!(ask(&engine).await.unwrap(), expected);
    [right, wrong, failed]
}

#[tokio::test]
async fn a_flipped_bit_in_a_page_with_a_checksum_is_never_a_wrong_number() {
    let flips = usize::try_from(setting("SANDBAR_CASES", 60)).unwrap();
    // Another library has written the checksums. All of the points are there.
    let whole = std::fs::read(fixture("faulty/checked.parquet")).unwrap();
    let expected = "count,sum_points,max_weight\n30,6090,58.25\n";
    let [right, wrong, failed] = flipped(&whole, expected, flips).await;
    // Some bytes mean nothing: columns and statistics that are not asked for.
    assert!(wrong == 0 && failed > 5, "{right} right, {wrong} wrong, {failed} failed");
    // Ours has none, which is why the manual says what is not seen.
    let [_, wrong, _] = flipped(&content("parquet", 0..60), &red(0..60), flips).await;
    assert!(wrong > 0, "there is something else that sees it");
}

#[tokio::test]
async fn a_model_opens_no_store_that_the_host_has_not_handed_over() {
    for path in ["s3://other/data", "https://shop.test/data.csv", "s3://key:AKIA0SECRET@other/data"]
    {
        let model = format!(
            "sources: {{ points: {{ format: csv, path: '{path}' }} }}\n\
             tables: {{ points: {{ fields: {{ id: {{}} }} }} }}\n"
        );
        let builder = Engine::builder().model("model.yaml", &model);
        let error =
            builder.object_store(STORE, Arc::new(InMemory::new())).build().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Source, "E0203"), "{error}");
        let text = error.to_string();
        assert!(text.contains("no object store that is known"), "{text}");
        // The line of the model that is shown below it is its author's own.
        assert!(!text.lines().next().unwrap().contains("AKIA0SECRET"), "{text}");
    }
    for address in ["s3://key:AKIA0SECRET@bucket", "s3://bucket/folder", "file:///", "bucket"] {
        let builder = Engine::builder().object_store(address, Arc::new(InMemory::new()));
        let error = builder.build().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Source, "E0203"), "{error}");
        assert!(!error.to_string().contains("AKIA0SECRET"), "{error}");
    }
}

/// Two files of one path, one length and one time, in two stores: what is known of one of them
/// is nothing that is known of the other.
#[tokio::test]
async fn files_of_two_stores_are_not_taken_for_one_another() {
    let model = "
sources:
  points: { format: parquet, path: 's3://one/data/*.parquet' }
  others: { format: parquet, path: 's3://other/data/' }
tables:
  points: { primary_key: [id], fields: { id: {}, team: {}, points: {} } }
  others: { primary_key: [id], fields: { id: {}, team: {}, points: {} } }
";
    let policies = POLICIES.replace("[points]", "[points, others]");
    let folder = tempfile::tempdir().unwrap();
    let mut sizes = Vec::new();
    let mut store = |name: &str, ids| {
        let data = folder.path().join(name).join("data");
        std::fs::create_dir_all(&data).unwrap();
        write(&data.join("0.parquet"), "parquet", ids);
        let file = std::fs::File::options().write(true).open(data.join("0.parquet")).unwrap();
        // As a copy of a bucket has them.
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        sizes.push(file.metadata().unwrap().len());
        Arc::new(LocalFileSystem::new_with_prefix(folder.path().join(name)).unwrap())
    };
    let (one, other) = (store("one", 0..40), store("other", 100..140));
    assert_eq!(sizes[0], sizes[1]);
    let engine = Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", &policies)
        .object_store("s3://one", one)
        .object_store("s3://other", other)
        .build()
        .await
        .unwrap();
    for _ in 0..2 {
        let first = |table: &str| {
            format!(
                r#"{{"table":"{table}","aggregations":["count",{{"function":"max","field":"id"}}]}}"#
            )
        };
        let rows = |rows: sandbar::Collected| rows.to_csv().unwrap();
        let session = session(&engine);
        assert_eq!(rows(asked(&session, &first("points")).await.unwrap()), "count,max_id\n20,38\n");
        assert_eq!(
            rows(asked(&session, &first("others")).await.unwrap()),
            "count,max_id\n20,138\n"
        );
    }
}
