//! Every table of a question is exchanged for what the asker sees of it.

use sandbar_catalog::{FieldPath, MetricId, TableId};
use sandbar_permissions::{Cell, Grants, Refusal, Sandbox};

use crate::error::{ProblemKind, QueryError, QueryProblem};
use crate::query::{
    AuthorizedQuery, Bridge, Events, Member, MemberOf, Part, Query, ResolvedQuery, Rows, Scan,
    SortKey, Source, Stage,
};

/// Exchanges each table for its sandbox.
///
/// # Errors
/// A refusal where the grants do not allow a table after all, and an internal error where the
/// question reads a field that they hide: resolving should have refused both.
pub fn authorize(resolved: ResolvedQuery, grants: &Grants) -> Result<AuthorizedQuery, QueryError> {
    let Query { source, shape, requires, dense, having, order, limit, clock } = resolved;
    let source = match source {
        Source::Parts(parts) => Source::Parts(all_parts(parts, &order, grants)?),
        Source::Answer(stage) => {
            let Stage { inner, filter, keys, leaves } = *stage;
            let inner = authorize(inner, grants)?;
            Source::Answer(Box::new(Stage { inner, filter, keys, leaves }))
        }
    };
    Ok(Query { source, shape, requires, dense, having, order, limit, clock })
}

fn all_parts(
    parts: Vec<Part<TableId>>,
    order: &[SortKey],
    grants: &Grants,
) -> Result<Vec<Part<Sandbox>>, QueryError> {
    parts.into_iter().map(|part| one_part(part, order, grants)).collect()
}

fn one_part(
    part: Part<TableId>,
    order: &[SortKey],
    grants: &Grants,
) -> Result<Part<Sandbox>, QueryError> {
    let used = part.fields_read(grants.snapshot(), order);
    let of_bridge = part.bridge_fields(grants.snapshot());
    let lifted: Vec<Vec<MetricId>> =
        part.rows.scans.iter().map(|scan| part.definers_of(grants.snapshot(), &scan.via)).collect();
    let Part { rows, keys, leaves, keeps, series, times, events, bridge } = part;
    let bridge = match bridge {
        None => None,
        Some(Bridge { rows, step }) => {
            Some(Bridge { rows: rows_of(rows, &of_bridge, grants)?, step })
        }
    };
    let events = match events {
        None => None,
        Some(events) => {
            let used = events.fields_read(grants.snapshot());
            let Events { rows, base_time, time, on, window } = events;
            let rows = rows_of(rows, &used, grants)?;
            Some(Events { rows, base_time, time, on, window })
        }
    };
    let mut rows = rows_of(rows, &used, grants)?;
    // Only what the metrics of this part read, and only beside what its asker sees.
    for (scan, metrics) in rows.scans.iter_mut().zip(lifted).filter(|(_, all)| !all.is_empty()) {
        let table = scan.source.table();
        scan.source = grants.sandbox_for(table, &metrics).map_err(|r| refused(&r, ""))?;
    }
    Ok(Part { rows, keys, leaves, keeps, series, times, events, bridge })
}

fn rows_of(
    rows: Rows<TableId>,
    used: &[FieldPath],
    grants: &Grants,
) -> Result<Rows<Sandbox>, QueryError> {
    let Rows { time, scans, filter, members } = rows;
    let mut authorized = Vec::with_capacity(scans.len());
    for Scan { via, source, derived } in scans {
        let derived = match derived {
            Some(inner) => Some(Box::new(authorize(*inner, grants)?)),
            None => None,
        };
        let sandbox = grants.sandbox(source).map_err(|r| refused(&r, ""))?;
        let hidden =
            used.iter().any(|path| path.via == via && *sandbox.cell(path.field) == Cell::Hidden);
        if hidden {
            return Err(QueryError::internal("a hidden field was resolved"));
        }
        authorized.push(Scan { via, source: sandbox, derived });
    }
    let members = members.into_iter().map(|member| one_member(member, grants));
    let members = members.collect::<Result<_, _>>()?;
    Ok(Rows { time, scans: authorized, filter, members })
}

fn one_member(member: Member<TableId>, grants: &Grants) -> Result<Member<Sandbox>, QueryError> {
    let Member { via, near, of } = member;
    let of = match of {
        MemberOf::Rows { rows, far } => {
            let used = rows.fields_read(grants.snapshot());
            MemberOf::Rows { rows: rows_of(rows, &used, grants)?, far }
        }
        MemberOf::Value { metric, parts, places, value } => {
            MemberOf::Value { metric, parts: all_parts(parts, &[], grants)?, places, value }
        }
    };
    Ok(Member { via, near, of })
}

/// The answer to a refusal, which names an attribute but never its value.
pub(crate) fn refused(refusal: &Refusal, path: &str) -> QueryError {
    QueryError::Problems(vec![refusal_problem(refusal, path)])
}

pub(crate) fn refusal_problem(refusal: &Refusal, path: &str) -> QueryProblem {
    let (code, kind, message) = match refusal {
        Refusal::Absent => ("Q0102", ProblemKind::NotFound, "it does not exist".to_owned()),
        Refusal::DescribeOnly => (
            "Q0103",
            ProblemKind::Denied,
            "it may be described but not queried with these rights".to_owned(),
        ),
        Refusal::MissingAttribute(name) => (
            "Q0104",
            ProblemKind::Denied,
            format!(
                "access here depends on attribute `{name}`, which is missing or has the wrong type"
            ),
        ),
    };
    QueryProblem { code, kind, path: path.to_owned(), message }
}
