//! Every table of a question is exchanged for what the asker sees of it.

use sandbar_permissions::{Cell, Grants, Refusal};

use crate::error::{ProblemKind, QueryError, QueryProblem};
use crate::query::{AuthorizedQuery, Query, ResolvedQuery, Scan};

/// Exchanges each table for its sandbox.
///
/// # Errors
/// A refusal where the grants do not allow a table after all, and an internal error where the
/// question reads a field that they hide: resolving should have refused both.
pub fn authorize(resolved: ResolvedQuery, grants: &Grants) -> Result<AuthorizedQuery, QueryError> {
    let used = resolved.stored_fields(grants.snapshot());
    let Query { scans, filter, shape, order, limit, clock } = resolved;
    let mut authorized = Vec::with_capacity(scans.len());
    for Scan { via, source } in scans {
        let sandbox = grants.sandbox(source).map_err(|r| refused(&r, ""))?;
        let hidden =
            used.iter().any(|path| path.via == via && *sandbox.cell(path.field) == Cell::Hidden);
        if hidden {
            return Err(QueryError::internal("a hidden field was resolved"));
        }
        authorized.push(Scan { via, source: sandbox });
    }
    Ok(Query { scans: authorized, filter, shape, order, limit, clock })
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
