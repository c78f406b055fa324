//! One thing that is wrong with a document.

use std::fmt;

use super::node::Place;

/// One thing that is wrong: a stable code, the place, a sentence, and perhaps what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable code, explained in docs/errors.md.
    pub code: &'static str,
    /// Line and column, where the document has lines.
    pub place: Option<Place>,
    /// The path inside the document, such as `tables.orders.fields.total`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// A name that may have been meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(name) = &self.suggestion {
            write!(f, "; did you mean `{name}`?")?;
        }
        Ok(())
    }
}

/// How many problems are told of what anybody may send: a question, or another body.
pub const MAX_PROBLEMS: usize = 20;

/// What the last problem says where there are more.
const MORE: &str = "; beyond these there are more, which are told when these are mended";

/// Everything that is wrong, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Says with the last problem that there are more.
    pub(crate) fn say_more(&mut self) {
        if let Some(last) = self.list.last_mut() {
            last.message.push_str(MORE);
        }
    }

    /// The problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            if problem.path.is_empty() {
                write!(f, "{problem}")?;
            } else {
                write!(f, "{}: {problem}", problem.path)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
