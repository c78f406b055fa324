//! Why a command did not do what it was asked to.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use sandbar::ErrorKind;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The question, model or policy is refused or wrong: exit code 1.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// The command was called wrongly, or the machine would not let it: exit code 2.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Two things that were compared are not the same, which has been said: exit code 1.
    pub(crate) fn different() -> Self {
        Self { code: 1, message: String::new() }
    }

    /// The same where exit code 1 means something else: 2.
    pub(crate) fn into_trouble(self) -> Self {
        let code = if self.message.is_empty() { self.code } else { 2 };
        Self { code, ..self }
    }

    /// What there is to say.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Says it on stderr.
    pub(crate) fn report(self) -> ExitCode {
        if self.message.is_empty() {
            return ExitCode::from(self.code);
        }
        // Where stderr is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<sandbar::Error> for Failure {
    fn from(error: sandbar::Error) -> Self {
        let because = because(&error);
        Self::refused(format!("{} {}: {error}{because}", error.code(), error.kind().name()))
    }
}

/// What went wrong on this side, where the fault is not the asker's: whoever has the command line
/// has the files too.
pub(crate) fn because(error: &sandbar::Error) -> String {
    let (mut text, told) = (String::new(), error.to_string());
    if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Source) {
        let mut cause = error.source();
        while let Some(inner) = cause {
            let why = inner.to_string();
            if !told.contains(&why) {
                text.push_str(&format!("\n  because: {why}"));
            }
            cause = inner.source();
        }
    }
    text
}

/// Writes a result to stdout; a reader that went away is no failure.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    say_bytes(text.as_bytes())
}

/// Writes bytes to stdout.
pub(crate) fn say_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::wrong(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something to the person at the terminal, on stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
