//! The command line as a person or a script meets it: the program is started, and what it writes,
//! where, and how it ends is looked at. In one binary, to save link time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod answers;
mod leaks;
mod models;
mod policy;
mod secrets;
mod serving;
mod settings;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// How a run of the program ended.
struct Ran {
    code: Option<i32>,
    out: Vec<u8>,
    err: String,
}

impl Ran {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    /// It ended as it should, and said so much of it.
    #[track_caller]
    fn ends(self, code: i32, told: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "stdout {:?}\nstderr {}", self.text(), self.err);
        for words in told {
            assert!(self.err.contains(words), "`{words}` is not in {}", self.err);
        }
        self
    }

    /// It was refused: nothing but words, and those on stderr.
    #[track_caller]
    fn refused(self, code: i32, told: &[&str]) {
        let ran = self.ends(code, told);
        assert_eq!(ran.text(), "", "results of a run that failed");
    }
}

/// A person's account: a state folder of his own, and no secret in the environment.
struct Account {
    state: TempDir,
}

impl Account {
    fn new() -> Self {
        Self { state: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> &Path {
        self.state.path()
    }

    /// The program with its arguments, called in the root of the repository.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbar"));
        command.args(args).current_dir(root()).stdin(Stdio::null());
        command.env("XDG_STATE_HOME", self.state()).env("HOME", self.state());
        for name in ["SANDBAR_JWT_SECRET", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Ran { code: output.status.code(), out: output.stdout, err }
}

/// Runs the program in an account of its own.
fn run(args: &[&str]) -> Ran {
    Account::new().run(args)
}

/// Runs the program with something on stdin.
fn run_with(args: &[&str], stdin: &str) -> Ran {
    let account = Account::new();
    let mut command = account.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Ran { code: output.status.code(), out: output.stdout, err }
}

/// The time, which tokens and `--today` are about.
#[expect(clippy::disallowed_methods, reason = "the program reads the same clock")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
