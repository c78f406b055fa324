//! The format of an answer, as `Accept` asks for it (RFC 9110, section 12.5.1).

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, TE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version};

use crate::refusal::Refusal;

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    Lines,
    Arrow,
    Parquet,
}

impl Format {
    /// What is preferred stands first.
    const ALL: [Self; 5] = [Self::Json, Self::Csv, Self::Lines, Self::Arrow, Self::Parquet];

    /// The media types of all but the first.
    pub(crate) const BESIDE_JSON: [&'static str; 4] = [
        "text/csv",
        "application/x-ndjson",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
    ];

    /// Its media type, without parameters.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => Self::BESIDE_JSON[0],
            Self::Lines => Self::BESIDE_JSON[1],
            Self::Arrow => Self::BESIDE_JSON[2],
            Self::Parquet => Self::BESIDE_JSON[3],
        }
    }

    fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut ranges = Vec::new();
        for value in headers.get_all(ACCEPT) {
            ranges.extend(value.to_str().ok()?.split(',').filter_map(Range::read));
        }
        if !headers.contains_key(ACCEPT) {
            return Some(Self::Json);
        }
        let mut best = None;
        for format in Self::ALL {
            // Of all ranges that fit, the most exact says how welcome a format is.
            let fitting = ranges.iter().filter_map(|range| range.fit(format.media_type()));
            let Some(welcome) = fitting.max() else { continue };
            let key = (welcome.quality, welcome.exactness);
            if welcome.quality > 0 && best.is_none_or(|(best, _)| key > best) {
                best = Some((key, format));
            }
        }
        best.map(|(_, format)| format)
    }
}

/// The format of an answer, and how it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) format: Format,
    pub(crate) delivery: Delivery,
}

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Once all of it is there.
    Whole,
    /// As the rows come. What is known at their end stands in trailers, so it comes so only to who
    /// says that he reads them (RFC 9110, section 6.5.1): others would take a part for the whole.
    Streamed,
}

impl Accepted {
    pub(crate) const JSON: Self = Self { format: Format::Json, delivery: Delivery::Whole };

    fn new(format: Format, parts: &Parts) -> Self {
        // Before HTTP/1.1 there are no trailers, and a body that is cut off ends as any other.
        let has_trailers = parts.version >= Version::HTTP_11;
        let mut wanted = parts.headers.get_all(TE).iter();
        let reads_trailers = has_trailers
            && wanted.any(|value| {
                let mut codings = value.as_bytes().split(|byte| *byte == b',');
                codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
            });
        let delivery = match format {
            Format::Lines | Format::Arrow if reads_trailers => Delivery::Streamed,
            _ => Delivery::Whole,
        };
        Self { format, delivery }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Accepted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let format = Format::negotiate(&parts.headers).ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.map(Format::media_type).to_vec();
            Refusal::not_acceptable(format!("answers come as {}", names.join(", ")))
        })?;
        Ok(Self::new(format, parts))
    }
}

/// One entry of the header: `text/*;q=0.5`.
struct Range {
    major: String,
    minor: String,
    /// In thousandths.
    quality: u16,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Welcome {
    exactness: u8,
    quality: u16,
}

impl Range {
    /// Parameters other than the quality are not looked at.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (major, minor) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        Some(Self {
            major: major.to_ascii_lowercase(),
            minor: minor.to_ascii_lowercase(),
            quality: quality.unwrap_or(1_000),
        })
    }

    fn fit(&self, media_type: &str) -> Option<Welcome> {
        let (major, minor) = media_type.split_once('/')?;
        let exactness = match (self.major.as_str(), self.minor.as_str()) {
            ("*", "*") => 0,
            (a, "*") if a == major => 1,
            (a, b) if a == major && b == minor => 2,
            _ => return None,
        };
        Some(Welcome { exactness, quality: self.quality })
    }
}

/// A quality between 0 and 1; whatever is none counts as 0.
fn thousandths(text: &str) -> u16 {
    let quality: f64 = text.parse().unwrap_or(0.0);
    // In range, so nothing is cut off.
    if (0.0..=1.0).contains(&quality) { (quality * 1_000.0).round() as u16 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &[&'static str], expected: Option<Format>) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, axum::http::HeaderValue::from_static(value));
        }
        assert_eq!(Format::negotiate(&headers), expected, "{accept:?}");
    }

    #[test]
    fn the_most_welcome_format_is_given() {
        check(&[], Some(Format::Json));
        check(&["*/*"], Some(Format::Json));
        check(&["text/csv"], Some(Format::Csv));
        check(&["TEXT/CSV; header=present"], Some(Format::Csv));
        check(&["text/*"], Some(Format::Csv));
        check(&["text/html, text/csv;q=0.9, */*;q=0.8"], Some(Format::Csv));
        check(&["text/csv, */*"], Some(Format::Csv));
        check(&["application/json;q=0.1, application/x-ndjson;q=0.2"], Some(Format::Lines));
        check(&["application/json;q=0.1", "application/x-ndjson"], Some(Format::Lines));
        check(&["application/json;q=0, */*;q=0.5"], Some(Format::Csv));
        check(&["application/vnd.apache.arrow.stream"], Some(Format::Arrow));
        check(&["application/vnd.apache.parquet, */*;q=0.1"], Some(Format::Parquet));
    }

    #[test]
    fn no_other_format_is_given() {
        check(&["text/html"], None);
        check(&["application/json;q=0"], None);
        check(&["text/csv;q=nonsense"], None);
        check(&["text/csv;q=1e9"], None);
        check(&["nonsense"], None);
        check(&[""], None);
    }
}
