//! A body becomes a question of the language below, with what its columns are called here.

use sandbar::query::{FieldAsk, MeasureAsk, MetricAsk, OrderBy, SemanticQuery};
use sandbar::{Aggregation, Level, Session};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Door;
use super::body::{
    AggregationBody, Body, FieldBody, GroupByBody, Id, NonBlank, entries, without_effect,
};
use super::filters::{self, Condition};
use super::ground::{Asked, Ground, Known};
use super::names::{Unique, bucketed, display};
use super::refusal::{Problem, Refusal};
use super::words::{Bucket, Function};

/// How many rows a question to a table asks for unless it says so.
const ROWS: u64 = 200;
/// The most columns of an answer; what has more is not looked at any further.
const COLUMNS: usize = 256;

/// A question that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Made {
    #[serde(deserialize_with = "SemanticQuery::deserialize_written")]
    pub(super) query: SemanticQuery,
    pub(super) columns: Vec<Column>,
}

/// A column of its answer, in the order of this language.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Column {
    /// Its name, here and below.
    pub(super) name: String,
    pub(super) display_name: String,
    /// It is a day that stands for an instant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) instant: bool,
}

/// A question, and what of it has no effect.
pub(super) struct Converted {
    pub(super) made: Made,
    pub(super) warnings: Vec<String>,
}

/// What a limit is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// A total of a question to a table, as where a question is made.
    Total,
    /// The size of a page.
    Page,
    /// A total, of whatever question, and none where nothing is said.
    All,
}

/// Reads a body as a question.
pub(super) fn converted(
    door: &Door,
    session: &Session,
    body: &Body,
    received: &Value,
    limit: Limit,
) -> Result<Converted, Refusal> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    check(body, &mut problems, &mut warnings);
    if !problems.is_empty() {
        return Err(Refusal::form(&problems, received));
    }
    let ground = match (&body.table_id, &body.metric_id) {
        (Some(id), None) => {
            Ground::of_table(door.table(session, id).map_err(|no| no.of_table(&id.0))?)
        }
        (None, Some(id)) => Ground::of_metric(door.metric(session, id)?),
        _ => return Err(Refusal::form(&[one_subject()], received)),
    };
    let mut making = Making { ground: &ground, columns: Vec::new(), names: Unique::default() };
    let mut query = match &ground.subject {
        Asked::Table(name) => SemanticQuery::table(name),
        Asked::Metric(..) => SemanticQuery::default(),
    };
    for (_, asked) in entries(&body.group_by) {
        making.group(&mut query, asked)?;
    }
    match &ground.subject {
        Asked::Table(_) => making.table(&mut query, body, &mut warnings)?,
        Asked::Metric(name, shown) => making.metric(&mut query, name, shown, body, &mut warnings),
    }
    for (index, filter) in entries(&body.filters) {
        let path = format!("filters[{index}]");
        query = match filters::converted(session, &ground, filter, &path, &mut warnings)? {
            Condition::Segment(name) => query.segment(&name),
            Condition::Filter(filter) => query.filter(filter),
        };
    }
    if let (Limit::All, Some(asked)) = (limit, body.limit) {
        query = query.limit(asked.0);
    }
    if limit == Limit::Total {
        query = match (&ground.subject, body.limit) {
            (Asked::Table(_), asked) => query.limit(asked.map_or(ROWS, |asked| asked.0)),
            (Asked::Metric(..), Some(_)) => {
                warnings.push("`limit` has no effect on a question to a metric".to_owned());
                query
            }
            (Asked::Metric(..), None) => query,
        };
    }
    let columns = making.columns;
    Ok(Converted { made: Made { query, columns }, warnings })
}

/// Two questions in one body, or none.
pub(super) fn one_subject() -> Problem {
    Problem::new("", "exactly one of table_id, metric_id, continuation_token is given")
}

/// Everything that is wrong with the form of a body.
fn check(body: &Body, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) {
    let given =
        [body.table_id.is_some(), body.metric_id.is_some(), body.continuation_token.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        problems.push(one_subject());
    }
    let sizes = [
        ("fields", entries(&body.fields).count()),
        ("group_by", entries(&body.group_by).count()),
        ("aggregations", entries(&body.aggregations).count()),
    ];
    for (key, _) in sizes.iter().filter(|(_, size)| *size > COLUMNS) {
        problems.push(Problem::new(*key, format!("an answer has at most {COLUMNS} columns")));
    }
    for (index, filter) in entries(&body.filters) {
        filters::checked(filter, &format!("filters[{index}]"), problems, warnings);
    }
    let fields = entries(&body.fields)
        .map(|(index, asked)| (format!("fields[{index}]"), asked.field_id.is_some()));
    let groups = entries(&body.group_by)
        .map(|(index, asked)| (format!("group_by[{index}]"), asked.field_id.is_some()));
    let orders = entries(&body.order_by).map(|(index, asked)| {
        let named = asked.field.as_ref().is_some_and(|field| field.value.field_id.is_some());
        (format!("order_by[{index}].field"), named)
    });
    for (path, named) in fields.chain(groups).chain(orders) {
        if !named {
            problems.push(Problem::new(path, "a `field_id` is wanted"));
        }
    }
    for (index, asked) in entries(&body.order_by) {
        if asked.direction.is_none() {
            let path = format!("order_by[{index}].direction");
            problems.push(Problem::new(path, "a `direction` is wanted: asc or desc"));
        }
    }
    for (index, asked) in entries(&body.aggregations) {
        let path = format!("aggregations[{index}]");
        match (asked.function, &asked.measure_id) {
            (None, None) => {
                problems.push(Problem::new(path, "a `function` or a `measure_id` is wanted"));
            }
            (Some(_), Some(_)) => {
                let message = "a number has a `function` or a `measure_id`, not both";
                problems.push(Problem::new(path, message));
            }
            (Some(function), None) if function != Function::Count && asked.field_id.is_none() => {
                problems.push(Problem::new(path, "a `field_id` is wanted"));
            }
            _ => {}
        }
    }
}

/// A question in the making.
struct Making<'g> {
    ground: &'g Ground,
    columns: Vec<Column>,
    names: Unique,
}

impl Making<'_> {
    fn column(&mut self, name: &str, display_name: String, instant: bool) -> String {
        let name = self.names.name(name);
        self.columns.push(Column { name: name.clone(), display_name, instant });
        name
    }

    fn asked_field(&mut self, field: &Known, bucket: Option<Bucket>) -> FieldAsk {
        let instant = field.data_type == sandbar::Type::Datetime;
        let shown = bucketed(&field.display, bucket);
        let alias = self.column(&field.name, shown, instant);
        let grain = bucket.map(|bucket| bucket.0);
        FieldAsk { grain, alias: Some(alias), ..FieldAsk::new(&field.asked) }
    }

    fn group(&mut self, query: &mut SemanticQuery, asked: &GroupByBody) -> Result<(), Refusal> {
        let field = self.ground.field(id(&asked.field_id))?;
        let bucket = asked.field_granularity.map(|granularity| granularity.0);
        query.group_by.push(self.asked_field(field, bucket));
        Ok(())
    }

    fn table(
        &mut self,
        query: &mut SemanticQuery,
        body: &Body,
        warnings: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        for (index, asked) in entries(&body.aggregations) {
            self.number(query, asked, &format!("aggregations[{index}]"), warnings)?;
        }
        let grouped = !self.columns.is_empty();
        if grouped && entries(&body.fields).next().is_some() {
            warnings.push("`fields` has no effect beside `aggregations` or `group_by`".to_owned());
        }
        for (_, FieldBody { field_id, bucket }) in entries(&body.fields) {
            let field = self.ground.field(id(field_id))?;
            if !grouped {
                query.fields.push(self.asked_field(field, *bucket));
            }
        }
        if self.columns.is_empty() {
            // All that he may query of the table itself, in its order.
            for field in &self.ground.fields {
                if field.own && field.level == Level::Query {
                    query.fields.push(self.asked_field(field, None));
                }
            }
        }
        for (index, asked) in entries(&body.order_by) {
            let Some(by) = &asked.field else { continue };
            let field = self.ground.field(id(&by.value.field_id))?;
            let order = asked.direction.map(|direction| direction.0).unwrap_or_default();
            let group = group_of(query, field, by.value.bucket);
            if let Some(bucket) = by.value.bucket
                && group.is_none_or(|group| group.grain != Some(bucket.0))
            {
                let why = if grouped { ": the field is not grouped by it" } else { " on a list" };
                warnings.push(format!("`order_by[{index}].field.bucket` has no effect{why}"));
            }
            let name = group.and_then(|group| group.alias.as_deref()).unwrap_or(&field.asked);
            let key = OrderBy { order, ..OrderBy::new(name) };
            query.order_by.push(key);
        }
        Ok(())
    }

    fn metric(
        &mut self,
        query: &mut SemanticQuery,
        name: &str,
        shown: &str,
        body: &Body,
        warnings: &mut Vec<String>,
    ) {
        let alias = self.column(name, shown.to_owned(), false);
        query.metrics.push(MetricAsk::new(name).alias(&alias));
        let ignored = [
            ("fields", entries(&body.fields).next().is_some()),
            ("aggregations", entries(&body.aggregations).next().is_some()),
            ("order_by", entries(&body.order_by).next().is_some()),
        ];
        without_effect(&ignored, "", "on a question to a metric", warnings);
    }

    fn number(
        &mut self,
        query: &mut SemanticQuery,
        asked: &AggregationBody,
        path: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        let mut ignored = |why: &str| {
            let keys = [("field_id", asked.field_id.is_some()), ("bucket", asked.bucket.is_some())];
            without_effect(&keys, &format!("{path}."), why, warnings);
        };
        let alias = if let Some(id) = &asked.measure_id {
            ignored("beside `measure_id`");
            let measure = self.ground.measure(id)?;
            let shown = display(measure.label.as_deref(), &measure.name);
            let alias = self.column(&measure.name, shown, false);
            let ask = MeasureAsk::new(&measure.name);
            query.measures.push(MeasureAsk { alias: Some(alias.clone()), ..ask });
            alias
        } else {
            let function = asked.function.unwrap_or(Function::Count);
            let mut aggregation = Aggregation::new(function.below());
            let (mut shown, mut instant) = (function.of(""), false);
            // A count is one of rows, whatever field stands beside it.
            if function == Function::Count {
                ignored("with `count`");
            } else {
                let field = self.ground.field(id(&asked.field_id))?;
                if asked.bucket.is_some() && !field.data_type.is_temporal() {
                    warnings.push(format!("`{path}.bucket` has no effect: the field is no time"));
                }
                aggregation = Aggregation::of(function.below(), &field.asked);
                let bucket = asked.bucket.filter(|_| field.data_type.is_temporal());
                aggregation.grain = bucket.map(|bucket| bucket.0);
                shown = function.of(&bucketed(&field.display, bucket));
                instant = field.data_type == sandbar::Type::Datetime;
            }
            let alias = self.column(function.column(), shown, instant);
            query.aggregations.push(aggregation.alias(&alias));
            alias
        };
        if let Some(direction) = asked.sort_order {
            query.order_by.push(OrderBy { order: direction.0, ..OrderBy::new(&alias) });
        }
        Ok(())
    }
}

fn id(id: &Option<NonBlank>) -> &str {
    id.as_ref().map_or("", |NonBlank(id)| id)
}

/// The group that an order means: that of the same bucket, or else the first one of the field.
fn group_of<'q>(
    query: &'q SemanticQuery,
    field: &Known,
    bucket: Option<Bucket>,
) -> Option<&'q FieldAsk> {
    let mut groups = query.group_by.iter().filter(|group| group.value.field.value == field.asked);
    let wanted = bucket.map(|bucket| bucket.0);
    let exact = groups.clone().find(|group| group.value.grain == wanted);
    exact.or_else(|| groups.next()).map(|group| &group.value)
}

impl Door {
    /// A table as a question sees it.
    pub(super) fn table(
        &self,
        session: &Session,
        Id(id): &Id,
    ) -> Result<sandbar::TableDetail, Refusal> {
        session.table_in_full(id).map_err(|error| self.hidden_table(id, error.into()))
    }

    /// A metric as a question sees it.
    pub(super) fn metric(
        &self,
        session: &Session,
        Id(id): &Id,
    ) -> Result<sandbar::MetricDetail, Refusal> {
        session.metric_in_full(id).map_err(|error| self.hidden_metric(id, error.into()))
    }
}
