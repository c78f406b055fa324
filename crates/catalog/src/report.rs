//! Every problem of a set of files, with its place.

use std::fmt;
use std::sync::Arc;

use crate::decode::{Problem, render};

/// A named text: one file of the model, or a document handed over by the host.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// The name shown in messages, usually the path of a file.
    pub name: Arc<str>,
    /// The content.
    pub text: Arc<str>,
}

impl SourceText {
    /// A named text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A problem in one file.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The text it was found in; `None` when the definition was built in Rust.
    pub file: Option<SourceText>,
    /// What is wrong and what would be right.
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => f.write_str(&render(&file.name, &file.text, &self.problem)),
            None => write!(f, "{} {}", self.problem.code, self.problem),
        }
    }
}

/// All findings of one check, ordered by file and place. Never empty when returned as an error.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// A report of these findings, ordered by file, then place, then path.
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| {
            let key = |f: &Finding| {
                let file = f.file.as_ref().map(|t| Arc::clone(&t.name));
                let place = f.problem.place.map(|p| (p.line, p.column));
                (file, place, f.problem.path.clone(), f.problem.code)
            };
            key(a).cmp(&key(b))
        });
        Self { findings }
    }

    /// The findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// Both reports in one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut findings = self.findings;
        findings.extend(other.findings);
        Self::new(findings)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let plural = if self.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{plural}", self.len())
    }
}

impl std::error::Error for Report {}
