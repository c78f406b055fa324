//! Why a command did not do what it was asked to.

use std::io::Write;
use std::process::ExitCode;

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

    /// Says it on stderr.
    pub(crate) fn report(self) -> ExitCode {
        // Where stderr is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<sandbar::Error> for Failure {
    fn from(error: sandbar::Error) -> Self {
        Self::refused(format!("{} {}: {error}", error.code(), error.kind().name()))
    }
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
