//! Local files are let go with the questions that read them, whatever becomes of these.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use datafusion::object_store::local::LocalFileSystem;
use futures::{FutureExt, StreamExt};
use sandbar_testkit::faults::{Fault, Faulty};

use super::super::cancelled::until;
use super::super::files::{FORMATS, over_points, session};
use super::replaced::{OLD, in_parts, local, moved};
use super::{SUM, ask, check_clean, red};

const LIST: &str = r#"{"table":"points","fields":["id","fit"]}"#;

/// How many files below a folder this process holds open.
fn held(folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let handles = fs::read_dir("/proc/self/fd").unwrap();
    // Others come and go meanwhile.
    let files = handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok());
    files.filter(|file| file.starts_with(&folder)).count()
}

#[tokio::test]
async fn no_file_is_held_open_after_its_questions() {
    for (format, extension) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let file = folder.path().join(format!("data/0.{extension}"));
        let content = in_parts(format, OLD);
        fs::write(&file, &content).unwrap();
        let open = fs::File::open(&file).unwrap();
        assert_eq!(held(folder.path()), 1, "what is open is counted");
        drop(open);
        let before = held(folder.path());
        let let_go = async |what: &str| {
            let told = format!("{format}: a file is held open after {what}");
            until(&told, || held(folder.path()) == before).await;
        };
        let ours = over_points(format, "data").base_dir(folder.path()).build().await.unwrap();
        let faulty = Faulty::over(Arc::new(LocalFileSystem::new()));
        let hosts = local(&folder, format, Arc::clone(&faulty)).await;
        let_go("engines are built").await;
        for engine in [&ours, &hosts] {
            assert_eq!(ask(engine).await.unwrap(), red(OLD), "{format}");
            let_go("an answer").await;
            // Dropped while they are planned, before anything is read, and after some of it.
            for _ in 0..5 {
                moved(&file, &content);
                let _ = ask(engine).now_or_never();
                drop(session(engine).query_json(SUM).await.unwrap());
                let mut answer = session(engine).query_json(LIST).await.unwrap();
                answer.next().await.unwrap().unwrap();
                drop(answer);
            }
            let_go("what is dropped").await;
        }
        let mut failed = 0;
        for at in 0..20 {
            moved(&file, &content);
            let fault = [Fault::Error, Fault::BreaksOff][at % 2];
            faulty.script(move |call| (call.number == at).then_some(fault));
            match ask(&hosts).await {
                Ok(rows) => assert_eq!(rows, red(OLD), "{format}: {fault:?} at {at}"),
                Err(error) => {
                    check_clean(&error);
                    failed += 1;
                }
            }
        }
        assert!(failed > 0, "{format}: none failed");
        let_go("a failure").await;
        faulty.heal();
        assert_eq!(ask(&hosts).await.unwrap(), red(OLD), "{format}");
        let_go("all of them").await;
    }
}
