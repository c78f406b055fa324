//! What the values of a field are: some of them, and what they are like as a whole. Everything is
//! a question, so that it is told of the rows that the asker sees, as he sees them.

use std::sync::Arc;

use sandbar_catalog::query::{Aggregation, Filter, Op, SemanticQuery};
use sandbar_catalog::{FieldPath, TableId, Type};
use tracing::Instrument;

use crate::answer::{Answer, Collected};
use crate::call::Call;
use crate::decision::Action;
use crate::describe::{self, FieldDescription};
use crate::error::{Error, ErrorKind};
use crate::request::Request;
use crate::session::Session;
use sandbar_permissions::{Level, Purpose};

/// What a field is asked about from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'n> {
    /// A table, by name or number.
    Table(&'n str),
    /// A metric, by name or number: its field is seen from its table.
    Metric(&'n str),
}

/// The values of a field.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FieldProfile {
    /// The field.
    pub field: FieldDescription,
    /// One row: how many rows and values there are, how many different ones, and by the type of
    /// the field its extremes, mean, quartiles and deviation. The columns say what each is.
    pub statistics: Collected,
    /// The values, each once, in order, as many as were asked for; missing ones are left out.
    pub values: Collected,
}

impl Session {
    /// The values of a field, some of them and what they are like as a whole: those of the rows
    /// that this principal sees of the table, as he sees them. The field is named by its number or
    /// by its name.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn field_profile(
        &self,
        subject: Subject<'_>,
        field: &str,
        limit: u64,
    ) -> Result<FieldProfile, Error> {
        let session = self.about(subject);
        let mut call = self.open(Action::FieldValues);
        let span = call.span();
        let work = session.profiled(subject, field, limit, &mut call);
        let result = work.instrument(span).await;
        call.closed(result)
    }

    /// The values of a field alone.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn field_sample(
        &self,
        subject: Subject<'_>,
        field: &str,
        limit: u64,
    ) -> Result<Collected, Error> {
        let session = self.about(subject);
        let mut call = self.open(Action::FieldValues);
        let span = call.span();
        let work = session.sampled(subject, field, limit, &mut call);
        let result = work.instrument(span).await;
        call.closed(result)
    }

    fn about(&self, subject: Subject<'_>) -> Self {
        match subject {
            Subject::Table(_) => self.clone(),
            Subject::Metric(_) => self.clone().used_for(Purpose::MetricValues),
        }
    }

    async fn sampled(
        &self,
        subject: Subject<'_>,
        field: &str,
        limit: u64,
        call: &mut Call,
    ) -> Result<Collected, Error> {
        let (turn, allowance) = self.turn_for_rows(call).await?;
        let request = self.request(call, allowance)?;
        let table = asked_table(&request, subject)?;
        let field = described(&request, table, field)?;
        let query = values(&request.world.snapshot.table(table).name, &field).limit(limit);
        let started = self.started(Arc::new(query), &request, turn).await?;
        call.started(&started, &request.world.snapshot);
        let values = Answer::new(started, None).collect().await?;
        call.rows(u64::try_from(values.num_rows()).unwrap_or(u64::MAX));
        Ok(values)
    }

    async fn profiled(
        &self,
        subject: Subject<'_>,
        field: &str,
        limit: u64,
        call: &mut Call,
    ) -> Result<FieldProfile, Error> {
        let (turn, allowance) = self.turn_for_rows(call).await?;
        let mut request = self.request(call, allowance)?;
        let table = asked_table(&request, subject)?;
        let field = described(&request, table, field)?;
        let of = &Arc::clone(&request.world.snapshot);
        let of = &of.table(table).name;
        let started = self.started(Arc::new(statistics(of, &field)), &request, turn).await?;
        call.started(&started, &request.world.snapshot);
        let statistics = match Answer::new(started, None).collect().await {
            // A number of them leaves its type: the others are still there.
            Err(error) if error.code() == "E0304" => {
                self.part(counts(of, &field), &mut request).await?
            }
            statistics => statistics?,
        };
        let values = self.part(values(of, &field).limit(limit), &mut request).await?;
        call.rows(u64::try_from(values.num_rows()).unwrap_or(u64::MAX));
        Ok(FieldProfile { field, statistics, values })
    }

    /// The answer of a further question, which has a turn of its own and the same world.
    async fn part(&self, query: SemanticQuery, request: &mut Request) -> Result<Collected, Error> {
        request.allowance.permit = None;
        let (turn, allowance) = self.turn().await?;
        self.may_be_given_rows()?;
        request.allowance = allowance;
        let started = self.started(Arc::new(query), request, turn).await?;
        Answer::new(started, None).collect().await
    }
}

fn asked_table(request: &Request, subject: Subject<'_>) -> Result<TableId, Error> {
    let grants = &request.grants;
    let found = match subject {
        Subject::Table(name) => grants.find_table(name).map_err(|m| ("Q0102", "table", name, m)),
        Subject::Metric(name) => match grants.find_metric(name) {
            Ok(id) => return first_table(request, id),
            Err(missing) => Err(("Q0101", "metric", name, missing)),
        },
    };
    found.map_err(|(code, what, name, missing)| describe::not_found(code, what, name, &missing))
}

fn first_table(request: &Request, id: sandbar_catalog::MetricId) -> Result<TableId, Error> {
    let tables = request.world.snapshot.metric(id).tables();
    let lost = || Error::new(ErrorKind::Internal, "E0900", "the question cannot be answered");
    tables.first().copied().ok_or_else(lost)
}

/// The field of that number or name, which may be queried.
fn described(request: &Request, table: TableId, name: &str) -> Result<FieldDescription, Error> {
    let grants = &request.grants;
    let base = grants.snapshot().table(table);
    let number: Option<u64> = name.parse().ok();
    let by_number = number.and_then(|number| base.find_field_number(number)).cloned();
    let path: FieldPath = match by_number {
        Some(path) if grants.field_level(&path) > Level::None => path,
        _ => {
            let chain: Vec<&str> = name.split('.').collect();
            let found = grants.find_field(table, &chain);
            found.map_err(|missing| describe::not_found("Q0105", "field", name, &missing))?
        }
    };
    if grants.field_level(&path) < Level::Query {
        let refused =
            sandbar_permissions::Missing::Refused(sandbar_permissions::Refusal::DescribeOnly);
        return Err(describe::not_found("Q0105", "field", name, &refused));
    }
    Ok(describe::field(grants, base, grants.snapshot().field(path.field), &path.via))
}

/// How many values a field has.
fn counts(table: &str, field: &FieldDescription) -> SemanticQuery {
    let of = |function: &str, name: &str| Aggregation::of(function, &field.id).alias(name);
    let query = SemanticQuery::table(table)
        .aggregate(Aggregation::new("count").alias("rows"))
        .aggregate(of("count", "present"));
    match Type::parse(&field.data_type) {
        None | Some(Type::Other) => query,
        Some(_) => query.aggregate(of("count_distinct", "distinct_count")),
    }
}

/// What the values of a field are like as a whole.
fn statistics(table: &str, field: &FieldDescription) -> SemanticQuery {
    let of = |function: &str, name: &str| Aggregation::of(function, &field.id).alias(name);
    let mut query = counts(table, field);
    let data_type = Type::parse(&field.data_type).unwrap_or(Type::Other);
    if data_type.is_temporal() {
        query = query.aggregate(of("min", "earliest")).aggregate(of("max", "latest"));
    }
    if data_type.is_numeric() {
        query = query
            .aggregate(of("min", "min"))
            .aggregate(of("max", "max"))
            .aggregate(of("avg", "avg"))
            .aggregate(of("percentile", "q1").at(0.25))
            .aggregate(of("percentile", "q3").at(0.75))
            .aggregate(of("stddev", "sd"));
    }
    query
}

/// The values of a field, each once.
fn values(table: &str, field: &FieldDescription) -> SemanticQuery {
    let present = Filter::with(&field.id, Op::NotNull, Vec::new());
    SemanticQuery::table(table).group_by(&field.id).filter(present)
}
