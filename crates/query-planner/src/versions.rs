//! Which row of a history another row sees.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::{Expr as Plan, TryCast};
use sandbar_catalog::Type;
use sandbar_catalog::time::Grain;

use crate::functions::{Clock, bucket, instant_type, micros};

/// The condition under which a row holds at a time: the time, then from when until when it holds.
/// Where one of them is a date, all are days of the clock.
pub(crate) fn holds(times: [(Plan, Type); 3], clock: &Clock) -> Plan {
    let days = times.iter().any(|(_, data_type)| *data_type == Type::Date);
    let target = if days { DataType::Date32 } else { instant_type() };
    let [time, from, to] = times.map(|(column, data_type)| match data_type {
        Type::Datetime if days => bucket(column, Grain::Day, clock),
        // Also of what no calendar has.
        Type::Datetime => micros(column, clock),
        _ => Plan::TryCast(TryCast::new(Box::new(column), target.clone())),
    });
    let open = Plan::IsNull(Box::new(to.clone()));
    time.clone().gt_eq(from).and(time.lt(to).or(open))
}
