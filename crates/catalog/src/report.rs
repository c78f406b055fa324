//! Every problem of a set of files, with its place.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::decode::{Located, Node, Place, Problem, Problems, decode, render};

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

    /// A named text of bytes, such as those of a file.
    ///
    /// # Errors
    /// That they are not UTF-8, with the place of the first byte that is none.
    pub fn from_bytes(name: impl Into<Arc<str>>, bytes: &[u8]) -> Result<Self, Report> {
        let right = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(Self::new(name, text)),
            Err(error) => error.valid_up_to(),
        };
        let before = String::from_utf8_lossy(bytes.get(..right).unwrap_or_default());
        let line = before.rsplit('\n').next().unwrap_or_default();
        let from_one = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
        let (line, column) =
            (from_one(before.matches('\n').count()), from_one(line.chars().count()));
        let byte = bytes.get(right).copied().unwrap_or_default();
        let problem = Problem {
            code: "D0000",
            place: Some(Place { line, column }),
            path: String::new(),
            message: format!("not UTF-8: the byte {byte:#04x}; save the file in that encoding"),
            suggestion: None,
        };
        let file = Some(Self::new(name, String::from_utf8_lossy(bytes)));
        Err(Report::new(vec![Finding { file, problem }]))
    }

    /// Reads the text as YAML. What is wrong with it goes into `findings`; what could not be read
    /// at all is as if nothing stood there.
    pub fn decode<T: DeserializeOwned + Default>(&self, findings: &mut Vec<Finding>) -> T {
        let mut problems = Problems::default();
        let read = match Node::from_yaml(&self.text) {
            Ok(node) => decode(&node, &mut problems),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let found = problems.iter().cloned();
        findings.extend(found.map(|problem| Finding { file: Some(self.clone()), problem }));
        read.unwrap_or_default()
    }
}

/// The place of something inside a text that stands in `file`: `at` is its line and column in the
/// text, both from 1. Where the text is folded in the file, the place is that of its start.
pub fn place_inside(
    text: &Located<String>,
    at: Option<(u64, u64)>,
    file: Option<&SourceText>,
) -> Option<Place> {
    let start = text.place?;
    let (Some((line, column)), Some(file)) = (at, file) else { return Some(start) };
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).saturating_sub(1);
    let at = |line: u32| file.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let first = at(start.line).chars().nth(start.column.saturating_sub(1) as usize);
    let quote = u32::from(matches!(first, Some('"' | '\'')));
    let line = start.line.saturating_add(number(line));
    let column = start.column.saturating_add(number(column)).saturating_add(quote);
    let within = column as usize <= at(line).chars().count();
    Some(if within { Place { line, column } } else { start })
}

/// Where a definition was written: the file and line for the administrator's eyes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Origin {
    /// The file; `None` for definitions made in Rust.
    pub file: Option<Arc<str>>,
    /// The line, from 1; 0 where unknown.
    pub line: u32,
    /// The column, from 1; 0 where unknown.
    pub column: u32,
}

impl Origin {
    /// A place in a text.
    pub fn new(file: Option<&SourceText>, place: Option<Place>) -> Self {
        let (line, column) = place.map_or((0, 0), |p| (p.line, p.column));
        Self { file: file.map(|f| Arc::clone(&f.name)), line, column }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}:{}", self.line),
            None => f.write_str("defined in Rust"),
        }
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
