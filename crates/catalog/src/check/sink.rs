//! Where problems are gathered, each with its file.

use crate::decode::{Located, Place, Problem};
use crate::definitions::Definitions;
use crate::report::{Finding, Report, SourceText};

pub(super) struct Sink {
    findings: Vec<Finding>,
}

/// A problem about to be reported: what is wrong, with an optional suggestion.
pub(super) struct Complaint {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

pub(super) fn complaint(code: &'static str, message: impl Into<String>) -> Complaint {
    Complaint { code, message: message.into(), suggestion: None }
}

impl Complaint {
    pub(super) fn suggest(mut self, name: Option<&str>) -> Self {
        self.suggestion = name.map(str::to_owned);
        self
    }
}

impl Sink {
    pub(super) fn new(definitions: &Definitions) -> Self {
        Self { findings: definitions.findings.clone() }
    }

    /// Reports a problem at a located value.
    pub(super) fn at<T>(&mut self, file: Option<&SourceText>, value: &Located<T>, what: Complaint) {
        self.push(file, value.place, &value.path, what);
    }

    /// Reports a problem at a text that may be read several times, the first time.
    pub(super) fn once(
        &mut self,
        file: Option<&SourceText>,
        text: &Located<String>,
        what: Complaint,
    ) {
        let told = |known: &Finding| {
            let Problem { code, place, path, message, .. } = &known.problem;
            (*code, *place) == (what.code, text.place)
                && *path == text.path
                && *message == what.message
        };
        if !self.findings.iter().any(told) {
            self.at(file, text, what);
        }
    }

    /// Reports a problem at the name of an entry.
    pub(super) fn at_key<T>(
        &mut self,
        file: Option<&SourceText>,
        entry: &Located<T>,
        what: Complaint,
    ) {
        self.push(file, entry.key_place.or(entry.place), &entry.path, what);
    }

    pub(super) fn push(
        &mut self,
        file: Option<&SourceText>,
        place: Option<Place>,
        path: &str,
        what: Complaint,
    ) {
        let problem = Problem {
            code: what.code,
            place,
            path: path.to_owned(),
            message: what.message,
            suggestion: what.suggestion,
        };
        self.findings.push(Finding { file: file.cloned(), problem });
    }

    pub(super) fn finish(self) -> Report {
        Report::new(self.findings)
    }
}
