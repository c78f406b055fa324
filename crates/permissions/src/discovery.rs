//! What a principal may list, name and search. Hidden and absent are one case here, so nothing
//! that uses these functions has anything to leak.

use sandbar_catalog::decode::suggest;
use sandbar_catalog::{
    Field, FieldPath, Measure, MeasureId, Metric, MetricId, Relationship, RelationshipId, Segment,
    SegmentId, Table, TableId,
};

use crate::grants::{Grants, Refusal};
use crate::level::Level;

/// A name that does not exist, for all this principal may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing visible has the name.
    Unknown {
        /// A name to try, one that this principal may query.
        suggestion: Option<Suggestion>,
    },
    /// It is there, and may not be queried.
    Refused(Refusal),
    /// The relationship leads to many rows, where a single value is wanted.
    ToMany {
        /// The relationship.
        relationship: String,
    },
}

/// A name to try in place of an unknown one. It can always be queried by whom it is said to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// Written almost the same: "did you mean".
    Close(String),
    /// Written differently, but a good question: "you may ask for".
    Instead(String),
}

impl Suggestion {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Close(name) | Self::Instead(name) => name,
        }
    }

    fn close<'c>(input: &str, known: impl IntoIterator<Item = &'c str>) -> Option<Self> {
        suggest(input, known).map(|name| Self::Close(name.to_owned()))
    }
}

/// One answer of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchHit {
    /// What was found.
    pub target: SearchTarget,
    /// How well it fits, from 0 (hardly) to 1 (exactly).
    pub score: f64,
}

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SearchTarget {
    /// A table.
    Table(TableId),
    /// A metric.
    Metric(MetricId),
}

/// Whether what has a name may be queried; where it is hidden, it is as if nothing had the name.
fn queried(level: Level) -> Result<bool, Missing> {
    match level {
        Level::None => Ok(false),
        Level::Describe => Err(Missing::Refused(Refusal::DescribeOnly)),
        Level::Query => Ok(true),
    }
}

impl Grants {
    /// The tables this principal may describe or query.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.snapshot().tables().iter().filter(|t| self.asked_table_level(t.id) > Level::None)
    }

    /// The metrics this principal may describe or query.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.snapshot().metrics().iter().filter(|m| self.asked_metric_level(m.id) > Level::None)
    }

    /// The fields of a table this principal may see.
    pub fn fields(&self, table: TableId) -> impl Iterator<Item = &Field> {
        let fields = self.snapshot().table(table).fields.iter();
        fields.filter(|f| self.field_level(&FieldPath::own(f.id)) > Level::None)
    }

    /// The measures of a table this principal may see.
    pub fn measures(&self, table: TableId) -> impl Iterator<Item = &Measure> {
        let all = self.snapshot().table(table).measures.iter();
        all.filter(|m| self.measure_level(m.id) > Level::None)
    }

    /// The segments of a table this principal may see.
    pub fn segments(&self, table: TableId) -> impl Iterator<Item = &Segment> {
        let all = self.snapshot().table(table).segments.iter();
        all.filter(|s| self.segment_level(s.id) > Level::None)
    }

    /// The relationships of a visible table whose target this principal may see too. One of a
    /// derived table that joins by a key which is masked for him would join other rows, so it is
    /// not there.
    pub fn relationships(&self, table: TableId) -> impl Iterator<Item = &Relationship> {
        let seen = self.table_level(table) > Level::None;
        let all = self.snapshot().table(table).relationships.iter();
        all.filter(move |r| {
            seen && self.table_level(r.to) > Level::None && self.joins_clear_keys(r)
        })
    }

    /// The table of that name or number, to be queried.
    ///
    /// # Errors
    /// A name that this principal may not see is unknown, like one that does not exist.
    pub fn find_table(&self, name: &str) -> Result<TableId, Missing> {
        if let Some(id) = self.snapshot().find_table(name) {
            match self.may_ask_table(id) {
                Ok(()) => return Ok(id),
                Err(Refusal::Absent) => {}
                Err(refusal) => return Err(Missing::Refused(refusal)),
            }
        }
        let known = self.tables().filter(|t| self.asked_table_level(t.id) == Level::Query);
        let suggestion = Suggestion::close(name, known.map(|t| t.name.as_str()));
        Err(Missing::Unknown { suggestion })
    }

    /// The metric of that name or number, to be queried.
    ///
    /// # Errors
    /// As for [`Grants::find_table`]. Where no metric is close by name, the verified one that
    /// fits the words best is suggested.
    pub fn find_metric(&self, name: &str) -> Result<MetricId, Missing> {
        if let Some(id) = self.snapshot().find_metric(name) {
            match self.may_ask_metric(id) {
                Ok(()) => return Ok(id),
                Err(Refusal::Absent) => {}
                Err(refusal) => return Err(Missing::Refused(refusal)),
            }
        }
        let known = || self.metrics().filter(|m| self.asked_metric_level(m.id) == Level::Query);
        let close = Suggestion::close(name, known().map(|m| m.name.as_str()));
        let suggestion = close.or_else(|| {
            let words = words(name);
            let mut best: Option<(f64, &Metric)> = None;
            for metric in known().filter(|m| m.verified) {
                let score = score_metric(&words, metric);
                if best.is_none_or(|(s, _)| score > s) {
                    best = Some((score, metric));
                }
            }
            best.map(|(_, metric)| Suggestion::Instead(metric.name.clone()))
        });
        Err(Missing::Unknown { suggestion })
    }

    /// The field that `chain` names from `table`: relationship names, then a field name; or alone
    /// the id that listings give it, `t<table>-<n>`.
    ///
    /// # Errors
    /// As for [`Grants::find_table`]; a relationship that fans out is refused.
    pub fn find_field(&self, table: TableId, chain: &[&str]) -> Result<FieldPath, Missing> {
        let Some((name, steps)) = chain.split_last() else {
            return Err(Missing::Unknown { suggestion: None });
        };
        if steps.is_empty()
            && let Some(path) = self.field_of_id(table, name)
        {
            match self.field_level(path) {
                Level::Query => return Ok(path.clone()),
                Level::Describe => return Err(Missing::Refused(Refusal::DescribeOnly)),
                Level::None => return Err(Missing::Unknown { suggestion: None }),
            }
        }
        let mut via = Vec::with_capacity(steps.len());
        let mut at = table;
        for step in steps {
            let found = self.relationships(at).find(|r| r.name == *step);
            let Some(relationship) = found else {
                let known = self.relationships(at).filter(|r| {
                    r.cardinality.is_to_one() && self.table_level(r.to) == Level::Query
                });
                let suggestion = Suggestion::close(step, known.map(|r| r.name.as_str()));
                return Err(Missing::Unknown { suggestion });
            };
            if !relationship.cardinality.is_to_one() {
                return Err(Missing::ToMany { relationship: relationship.name.clone() });
            }
            if self.table_level(at).min(self.table_level(relationship.to)) < Level::Query {
                return Err(Missing::Refused(Refusal::DescribeOnly));
            }
            via.push(relationship.id);
            at = relationship.to;
        }
        if let Some(field) = self.snapshot().table(at).find_field(name) {
            let path = FieldPath { via, field };
            if queried(self.field_level(&path))? {
                return Ok(path);
            }
        }
        let prefix: String = steps.iter().flat_map(|step| [*step, "."]).collect();
        let known = self
            .fields(at)
            .filter(|f| self.field_level(&FieldPath::own(f.id)) == Level::Query)
            .map(|f| f.name.as_str());
        let found = suggest(name, known);
        let suggestion = found.map(|found| Suggestion::Close(format!("{prefix}{found}")));
        Err(Missing::Unknown { suggestion })
    }

    /// The measure of that name of a table, to be queried.
    ///
    /// # Errors
    /// As for [`Grants::find_table`].
    pub fn find_measure(&self, table: TableId, name: &str) -> Result<MeasureId, Missing> {
        let table = self.snapshot().table(table);
        if let Some(id) = table.find_measure(name)
            && queried(self.measure_level(id))?
        {
            return Ok(id);
        }
        let known = table.measures.iter().filter(|m| self.measure_level(m.id) == Level::Query);
        let suggestion = Suggestion::close(name, known.map(|m| m.name.as_str()));
        Err(Missing::Unknown { suggestion })
    }

    /// The segment that a name means from a table on, to be queried: one of its own, or behind
    /// to-one relationships one of where they lead, with the way there.
    ///
    /// # Errors
    /// As for [`Grants::find_table`].
    pub fn find_segment(
        &self,
        table: TableId,
        name: &str,
    ) -> Result<(Vec<RelationshipId>, SegmentId), Missing> {
        let (mut at, mut via, mut rest) = (table, Vec::new(), name);
        while let Some((step, behind)) = rest.split_once('.') {
            let known = self.relationships(at).find(|r| r.name == step);
            let Some(found) = known.filter(|r| r.cardinality.is_to_one()) else { break };
            if self.table_level(at).min(self.table_level(found.to)) < Level::Query {
                return Err(Missing::Refused(Refusal::DescribeOnly));
            }
            via.push(found.id);
            (at, rest) = (found.to, behind);
        }
        let table = self.snapshot().table(at);
        if let Some(id) = table.find_segment(rest)
            && queried(self.segment_level(id))?
        {
            return Ok((via, id));
        }
        let known = table.segments.iter().filter(|s| self.segment_level(s.id) == Level::Query);
        let prefix = name.strip_suffix(rest).unwrap_or_default();
        let found = suggest(rest, known.map(|s| s.name.as_str()));
        let suggestion = found.map(|found| Suggestion::Close(format!("{prefix}{found}")));
        Err(Missing::Unknown { suggestion })
    }

    /// What an id stands for from this table on, whoever may see it. No name has a `-`.
    fn field_of_id(&self, table: TableId, id: &str) -> Option<&FieldPath> {
        let (of, number) = id.strip_prefix('t')?.split_once('-')?;
        let table = self.snapshot().table(table);
        let fits = of.parse() == Ok(table.number);
        table.find_field_number(number.parse().ok().filter(|_| fits)?)
    }

    /// Tables and metrics that fit one of several searches, best first: what stands far up in
    /// many of them comes first (reciprocal rank fusion, with the constant 60: Cormack, Clarke
    /// and Büttcher, 2009). A search that is there twice counts once; with none, everything fits.
    pub fn search_any(&self, texts: &[&str]) -> Vec<SearchHit> {
        let mut distinct: Vec<&str> = Vec::new();
        for text in texts {
            if !distinct.contains(text) {
                distinct.push(text);
            }
        }
        let (first, rest) = match distinct.as_slice() {
            [] => return self.search(""),
            [first, rest @ ..] => (first, rest),
        };
        let mut fused = self.search(first);
        if rest.is_empty() {
            return fused;
        }
        let mut rank = 0.0;
        for hit in &mut fused {
            rank += 1.0;
            hit.score = 1.0 / (60.0 + rank);
        }
        for text in rest {
            let mut rank = 60.0;
            for hit in self.search(text) {
                rank += 1.0;
                let score = 1.0 / rank;
                match fused.iter_mut().find(|known| known.target == hit.target) {
                    Some(known) => known.score += score,
                    None => fused.push(SearchHit { score, ..hit }),
                }
            }
        }
        fused.sort_by(|a, b| b.score.total_cmp(&a.score));
        fused
    }

    /// Tables and metrics whose name, label, synonyms or description fit the words, best first.
    ///
    /// Exact names come before synonyms, those before parts of names, those before words of a
    /// description; verified metrics come first among equals.
    pub fn search(&self, text: &str) -> Vec<SearchHit> {
        let wanted = words(text);
        let mut hits = Vec::new();
        for table in self.tables() {
            let score = score(
                &wanted,
                &table.name,
                table.label.as_deref(),
                &table.synonyms,
                table.description.as_deref(),
            );
            hits.push((score, false, SearchTarget::Table(table.id)));
        }
        for metric in self.metrics() {
            let score = score_metric(&wanted, metric);
            hits.push((score, metric.verified, SearchTarget::Metric(metric.id)));
        }
        hits.retain(|(score, ..)| *score > 0.0 || wanted.is_empty());
        hits.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        hits.into_iter().map(|(score, _, target)| SearchHit { target, score }).collect()
    }
}

/// At most 16 words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.take(16).map(str::to_lowercase).collect()
}

fn score_metric(wanted: &[String], metric: &Metric) -> f64 {
    let (label, description) = (metric.label.as_deref(), metric.description.as_deref());
    score(wanted, &metric.name, label, &metric.synonyms, description)
}

/// The mean over the wanted words of how well each fits.
fn score(
    wanted: &[String],
    name: &str,
    label: Option<&str>,
    synonyms: &[String],
    description: Option<&str>,
) -> f64 {
    if wanted.is_empty() {
        return 0.0;
    }
    let name = name.to_lowercase();
    let label = label.unwrap_or_default().to_lowercase();
    let synonyms: Vec<String> = synonyms.iter().map(|s| s.to_lowercase()).collect();
    let description = description.unwrap_or_default().to_lowercase();
    let part = |text: &str, word: &str| {
        text.split(|c: char| !c.is_alphanumeric()).any(|token| token == word)
    };
    let of_word = |word: &String| -> f64 {
        if name == *word || label == *word {
            1.0
        } else if synonyms.contains(word) {
            0.9
        } else if part(&name, word) || part(&label, word) || synonyms.iter().any(|s| part(s, word))
        {
            0.7
        } else if name.starts_with(word.as_str()) || suggest(word, [name.as_str()]).is_some() {
            0.5
        } else if part(&description, word) {
            0.3
        } else {
            0.0
        }
    };
    let sum: f64 = wanted.iter().map(of_word).sum();
    #[expect(clippy::cast_precision_loss, reason = "at most 16 words")]
    let count = wanted.len() as f64;
    sum / count
}
