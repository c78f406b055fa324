//! One failure of serde on its way up to a reader that knows its place.

use std::fmt;

use serde::de;

use super::node::Place;
use super::problem::Problem;
use super::suggest::suggest;

/// What went wrong, with its place once a reader has seen it pass.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
    /// The place and path of the value it is about.
    pub(super) at: Option<(Option<Place>, String)>,
}

impl Failure {
    pub(super) fn new(code: &'static str, message: String) -> Self {
        Self { code, message, suggestion: None, at: None }
    }

    pub(super) fn located(mut self, place: Option<Place>, path: &str) -> Self {
        if self.at.is_none() {
            self.at = Some((place, path.to_owned()));
        }
        self
    }

    pub(super) fn into_problem(self, place: Option<Place>, path: &str) -> Problem {
        let (place, path) = self.at.unwrap_or_else(|| (place, path.to_owned()));
        let Self { code, message, suggestion, .. } = self;
        Problem { code, place, path, message, suggestion }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("D0005", message.to_string())
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // The reader that sees it pass adds what was found.
        Self::new("D0001", format!("expected {}", wanted(expected)))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("D0001", format!("expected {}", wanted(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("D0003", format!("`{field}` is missing"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut failure = Self::new("D0002", unknown_key(field, expected));
        failure.suggestion = suggest(field, expected.iter().copied()).map(str::to_owned);
        failure
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let list = expected.join("`, `");
        let mut failure = Self::new("D0004", format!("`{variant}` is not one of `{list}`"));
        failure.suggestion = suggest(variant, expected.iter().copied()).map(str::to_owned);
        failure
    }
}

/// What was expected, in the words of an author.
fn wanted(expected: &dyn de::Expected) -> String {
    let name = expected.to_string();
    let range = match name.as_str() {
        "u8" => "255".to_owned(),
        "u16" => u16::MAX.to_string(),
        "u32" => u32::MAX.to_string(),
        "u64" | "usize" => return "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => return "a whole number".to_owned(),
        "f32" | "f64" => return "a number".to_owned(),
        "a boolean" => return "`true` or `false`".to_owned(),
        "a sequence" => return "a list".to_owned(),
        _ => return name,
    };
    format!("a whole number from 0 to {range}")
}

fn unknown_key(key: &str, expected: &[&str]) -> String {
    if suggest(key, expected.iter().copied()).is_some() || expected.is_empty() {
        format!("unknown key `{key}`")
    } else {
        format!("unknown key `{key}`: the keys here are `{}`", expected.join("`, `"))
    }
}
