//! What a principal may list, name and search. Hidden and absent are one case here, so nothing
//! that uses these functions has anything to leak.

use std::collections::{HashMap, HashSet};

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
                let searched = Searched::of_metric(metric);
                let score = mean(words.iter().map(|word| searched.fit(word)), words.len());
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
            && let Some((of, number)) = id(name)
        {
            // Nothing is suggested for an id, whether there is such a field or not.
            let found = self.field_of_id(table, of, number);
            let unknown = || Missing::Unknown { suggestion: None };
            let path = found.ok_or_else(unknown)?;
            return queried(self.field_level(path))?.then(|| path.clone()).ok_or_else(unknown);
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

    /// What an id stands for from this table on, whoever may see it.
    fn field_of_id(&self, table: TableId, of: u64, number: u64) -> Option<&FieldPath> {
        let table = self.snapshot().table(table);
        table.find_field_number(number).filter(|_| of == table.number)
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
        if distinct.is_empty() {
            distinct.push("");
        }
        let mut vocabulary = Vec::new();
        let asked: Vec<Asked> =
            distinct.into_iter().map(|text| Asked::new(text, &mut vocabulary)).collect();
        let objects = self.objects(&vocabulary);
        if let [only] = asked.as_slice() {
            let ranked = only.ranked(&objects).into_iter();
            return ranked.map(|(object, score)| object.hit(score)).collect();
        }
        // In the order in which they were found; of each object its score.
        let mut fused: Vec<(&Object, f64)> = Vec::new();
        let mut known: HashMap<SearchTarget, usize> = HashMap::new();
        for ranked in asked.iter().map(|asked| asked.ranked(&objects)) {
            let mut rank = 60.0;
            for (object, _) in ranked {
                rank += 1.0;
                let at = *known.entry(object.target).or_insert(fused.len());
                match fused.get_mut(at) {
                    Some((_, score)) => *score += 1.0 / rank,
                    None => fused.push((object, 1.0 / rank)),
                }
            }
        }
        fused.sort_by(|a, b| b.1.total_cmp(&a.1));
        fused.into_iter().map(|(object, score)| object.hit(score)).collect()
    }

    /// Tables and metrics whose name, label, synonyms or description fit the words, best first.
    ///
    /// Exact names come before synonyms, those before parts of names, those before words of a
    /// description; verified metrics come first among equals.
    pub fn search(&self, text: &str) -> Vec<SearchHit> {
        self.search_any(&[text])
    }

    /// What may be found, each with how well every word fits it.
    fn objects(&self, vocabulary: &[String]) -> Vec<Object> {
        let fits = |text: &Searched| vocabulary.iter().map(|word| text.fit(word)).collect();
        let tables = self.tables().map(|table| {
            let (label, description) = (table.label.as_deref(), table.description.as_deref());
            let text = Searched::new(&table.name, label, &table.synonyms, description);
            let target = SearchTarget::Table(table.id);
            Object { target, verified: false, fits: fits(&text) }
        });
        let metrics = self.metrics().map(|metric| Object {
            target: SearchTarget::Metric(metric.id),
            verified: metric.verified,
            fits: fits(&Searched::of_metric(metric)),
        });
        tables.chain(metrics).collect()
    }
}

/// A table or metric that may be found.
struct Object {
    target: SearchTarget,
    verified: bool,
    /// How well each word of all that is searched fits it.
    fits: Vec<f64>,
}

impl Object {
    fn hit(&self, score: f64) -> SearchHit {
        SearchHit { target: self.target, score }
    }
}

/// How many different words count of all that is searched at once.
const MAX_WORDS: usize = 64;

/// One of several searches.
struct Asked {
    /// Where its words stand among those of all, as far as they count.
    words: Vec<usize>,
    /// How many it has.
    count: usize,
}

impl Asked {
    fn new(text: &str, vocabulary: &mut Vec<String>) -> Self {
        let (mut positions, words) = (Vec::new(), words(text));
        let count = words.len();
        for word in words {
            match vocabulary.iter().position(|known| *known == word) {
                Some(known) => positions.push(known),
                None if vocabulary.len() < MAX_WORDS => {
                    positions.push(vocabulary.len());
                    vocabulary.push(word);
                }
                None => {}
            }
        }
        Self { words: positions, count }
    }

    /// What fits it, best first; without words everything does.
    fn ranked<'o>(&self, objects: &'o [Object]) -> Vec<(&'o Object, f64)> {
        let score = |object: &Object| {
            mean(self.words.iter().filter_map(|word| object.fits.get(*word)).copied(), self.count)
        };
        let mut hits: Vec<(&Object, f64)> =
            objects.iter().map(|object| (object, score(object))).collect();
        hits.retain(|(_, score)| *score > 0.0 || self.count == 0);
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.verified.cmp(&a.0.verified)));
        hits
    }
}

/// The mean of so many values, of which those that are left out are nothing.
fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most 16 words")]
    let count = count.max(1) as f64;
    values.sum::<f64>() / count
}

/// At most 16 words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.take(16).map(str::to_lowercase).collect()
}

/// The texts of a table or metric that are searched, in lower case.
struct Searched {
    name: String,
    label: String,
    synonyms: Vec<String>,
    /// The words of these.
    parts: HashSet<String>,
    /// The words of the description.
    described: HashSet<String>,
}

impl Searched {
    fn new(
        name: &str,
        label: Option<&str>,
        synonyms: &[String],
        description: Option<&str>,
    ) -> Self {
        let parts = |text: &str| -> Vec<String> {
            let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        let (name, label) = (name.to_lowercase(), label.unwrap_or_default().to_lowercase());
        let synonyms: Vec<String> = synonyms.iter().map(|s| s.to_lowercase()).collect();
        let named = [&name, &label].into_iter().chain(&synonyms);
        let named = named.flat_map(|text| parts(text)).collect();
        let described = parts(&description.unwrap_or_default().to_lowercase());
        Self { name, label, synonyms, parts: named, described: described.into_iter().collect() }
    }

    fn of_metric(metric: &Metric) -> Self {
        let (label, description) = (metric.label.as_deref(), metric.description.as_deref());
        Self::new(&metric.name, label, &metric.synonyms, description)
    }

    /// How well a word fits.
    fn fit(&self, word: &str) -> f64 {
        if self.name == word || self.label == word {
            1.0
        } else if self.synonyms.iter().any(|synonym| synonym == word) {
            0.9
        } else if self.parts.contains(word) {
            0.7
        } else if self.name.starts_with(word) || suggest(word, [self.name.as_str()]).is_some() {
            0.5
        } else if self.described.contains(word) {
            0.3
        } else {
            0.0
        }
    }
}

/// The numbers of an id, `t<table>-<n>`. No name has a `-`.
fn id(name: &str) -> Option<(u64, u64)> {
    let (table, number) = name.strip_prefix('t')?.split_once('-')?;
    Some((table.parse().ok()?, number.parse().ok()?))
}
