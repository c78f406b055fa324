//! What a question to a table or a metric can name, as its asker sees it.

use axum::http::StatusCode;
use sandbar::{
    FieldDescription, Level, MeasureDescription, MetricDetail, SegmentDescription, TableDetail,
    Type,
};

use super::body::Id;
use super::names::{display, humanized};
use super::refusal::Refusal;

/// What a question can name.
pub(super) struct Ground {
    pub(super) subject: Asked,
    /// What the ids of its fields begin with: `t42-`, `c10-`.
    pub(super) prefix: String,
    pub(super) fields: Vec<Known>,
    segments: Vec<SegmentDescription>,
    measures: Vec<MeasureDescription>,
}

/// What is asked.
pub(super) enum Asked {
    /// A table, by name.
    Table(String),
    /// A metric: its name, and what people call it.
    Metric(String, String),
}

/// A field that can be named.
pub(super) struct Known {
    number: u64,
    /// What a question below calls it.
    pub(super) asked: String,
    /// The last part of its name.
    pub(super) name: String,
    /// The whole of it: `customer.state`.
    path: String,
    /// What a person calls it.
    pub(super) display: String,
    pub(super) data_type: Type,
    pub(super) level: Level,
    /// Whether it is of the asked table itself.
    pub(super) own: bool,
}

impl Known {
    fn new(field: &FieldDescription, asked: &str) -> Self {
        let (via, name) = match field.name.rsplit_once('.') {
            Some((via, name)) => (Some(via), name),
            None => (None, field.name.as_str()),
        };
        let own = display(field.label.as_deref(), name);
        let shown = match via {
            Some(via) => format!("{} → {own}", humanized(via)),
            None => own,
        };
        Self {
            number: field.number,
            asked: asked.to_owned(),
            name: name.to_owned(),
            path: field.name.clone(),
            display: shown,
            data_type: Type::parse(&field.data_type).unwrap_or(Type::Other),
            level: field.level,
            own: via.is_none(),
        }
    }
}

impl Ground {
    pub(super) fn of_table(detail: TableDetail) -> Self {
        let TableDetail { table, related, .. } = detail;
        let all = table.fields.iter().chain(related.iter().flat_map(|other| &other.fields));
        // By its id a field is not taken for a column that is called the same.
        let fields = all.map(|field| Known::new(field, &field.id)).collect();
        Self {
            prefix: format!("t{}-", table.id),
            fields,
            segments: table.segments,
            measures: table.measures,
            subject: Asked::Table(table.name),
        }
    }

    pub(super) fn of_metric(detail: MetricDetail) -> Self {
        let MetricDetail { metric, segments, .. } = detail;
        // By its name a field means the same for all the tables of a metric.
        let fields = metric.dimensions.iter().map(|field| Known::new(field, &field.name)).collect();
        let shown = display(metric.label.as_deref(), &metric.name);
        Self {
            prefix: format!("c{}-", metric.id),
            fields,
            segments,
            measures: Vec::new(),
            subject: Asked::Metric(metric.name, shown),
        }
    }

    /// The field of an id or a name, which may be queried.
    pub(super) fn field(&self, id: &str) -> Result<&Known, Refusal> {
        let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
        let found = match number(id, &self.prefix) {
            Number::Is(number) => {
                let found = number.and_then(|n| self.fields.iter().find(|f| f.number == n));
                found.ok_or_else(|| {
                    let index = id.rsplit_once('-').map_or("", |(_, index)| index);
                    let text = format!("field {shown} not found - no column at index {index}");
                    Refusal::absent("H0204", text)
                })?
            }
            Number::OfAnother => {
                let prefix = &self.prefix;
                let text = format!("field {shown} does not match expected prefix {prefix}");
                return Err(Refusal::invalid("H0202", text));
            }
            Number::None => {
                let by_name = self.fields.iter().find(|field| field.path == id);
                by_name.ok_or_else(|| {
                    Refusal::invalid("H0203", format!("Invalid field_id format: {shown}"))
                })?
            }
        };
        if found.level < Level::Query {
            return Err(Refusal::denied("Q0103"));
        }
        Ok(found)
    }

    pub(super) fn segment(&self, id: &Id) -> Result<&SegmentDescription, Refusal> {
        let found = self.segments.iter().find(|segment| id.is(segment.id, &segment.name));
        found.ok_or_else(|| missing("Segment", id))
    }

    pub(super) fn measure(&self, id: &Id) -> Result<&MeasureDescription, Refusal> {
        let found = self.measures.iter().find(|measure| id.is(measure.id, &measure.name));
        found.ok_or_else(|| missing("Measure", id))
    }
}

fn missing(what: &str, Id(id): &Id) -> Refusal {
    let id: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    Refusal::text(StatusCode::NOT_FOUND, "H0204", format!("{what} with id {id} not found"))
}

/// What the text of an id says.
pub(super) enum Number {
    /// The number of a field of this table or metric; one that is too large is none of a field.
    Is(Option<u64>),
    /// It is of another table or metric.
    OfAnother,
    /// It is no id.
    None,
}

/// Reads an id: `t`, `c` or `q`, what it is of, a dash, and digits.
pub(super) fn number(id: &str, prefix: &str) -> Number {
    let Some((of, digits)) = id.rsplit_once('-') else { return Number::None };
    let tagged = of.strip_prefix(['t', 'c', 'q']).is_some_and(|of| !of.is_empty());
    let counted = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !tagged || !counted {
        return Number::None;
    }
    if Some(of) == prefix.strip_suffix('-') {
        return Number::Is(digits.parse().ok());
    }
    Number::OfAnother
}
