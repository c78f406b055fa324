//! Numbers of few rows: an aggregation is told only where enough rows have counted for it.
//!
//! The rows are counted beside each aggregation, under its own filter, and only those that have a
//! value. None is too few as well: who may tell none from one may ask for a single row.

use datafusion_common::ScalarValue;
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr as Plan, Operator, lit};
use datafusion_functions_aggregate::count::count_udaf;

use super::{Lower, balanced, binary};

/// A table among the rows that are aggregated, of which nothing is told of fewer rows than some.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Smallest {
    pub(crate) rows: u32,
    /// What tells the table's rows apart, clear; empty where each row that is aggregated is one of
    /// them.
    pub(crate) keys: Vec<Plan>,
}

impl Lower<'_> {
    /// The condition under which what is aggregated may be told: of the rows that pass a filter and
    /// have a value there are enough. `None`: it always may.
    pub(crate) fn enough(&mut self, value: Option<&Plan>, filter: Option<&Plan>) -> Option<Plan> {
        let value = value.filter(|value| !matches!(value, Plan::Literal(..)));
        let mut all = Vec::new();
        for Smallest { rows, keys } in self.smallest.clone() {
            if keys.is_empty() {
                let counted = value.cloned().unwrap_or_else(one);
                let count = self.column_of(count_udaf(), vec![counted], false, filter.cloned());
                all.push(at_least(count, rows));
                continue;
            }
            let known = value.map(|value| Plan::IsNotNull(Box::new(value.clone())));
            let filter =
                balanced(filter.cloned().into_iter().chain(known).collect(), Operator::And);
            // Rows are told apart by several columns at least as well as by one of them.
            let counts = keys.into_iter().map(|key| {
                at_least(self.column_of(count_udaf(), vec![key], true, filter.clone()), rows)
            });
            all.extend(balanced(counts.collect(), Operator::Or));
        }
        balanced(all, Operator::And)
    }

    /// The condition under which what was aggregated since the last time may be told.
    pub(crate) fn told(&mut self) -> Option<Plan> {
        let mut once: Vec<Plan> = Vec::new();
        for condition in std::mem::take(&mut self.conditions) {
            if !once.contains(&condition) {
                once.push(condition);
            }
        }
        balanced(once, Operator::And)
    }
}

/// A value where a condition holds, else none. A condition that is unknown does not hold.
pub(crate) fn only_where(condition: Option<Plan>, value: Plan) -> Plan {
    match condition {
        Some(condition) => {
            let arm = (Box::new(condition), Box::new(value));
            Plan::Case(Case::new(None, vec![arm], None))
        }
        None => value,
    }
}

fn one() -> Plan {
    lit(ScalarValue::Int64(Some(1)))
}

fn at_least(count: Plan, rows: u32) -> Plan {
    binary(count, Operator::GtEq, lit(i64::from(rows)))
}
