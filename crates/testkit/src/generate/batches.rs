//! The rows of a table as an Arrow batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};

use crate::reference::{Cell, Column, Kind, Table};

/// The rows of a table.
pub fn batch(table: &Table) -> RecordBatch {
    let column = |index: usize, Column { kind, zone, .. }: &Column| -> ArrayRef {
        let cells = table.rows.iter().map(|row| &row[index]);
        macro_rules! of {
            ($array:ty, $kind:ident) => {
                cells
                    .map(|cell| match cell {
                        Cell::$kind(value) => Some(value.clone()),
                        _ => None,
                    })
                    .collect::<$array>()
            };
        }
        match kind {
            Kind::Int => Arc::new(of!(Int64Array, Int)),
            Kind::Double => Arc::new(of!(Float64Array, Double)),
            Kind::Text => Arc::new(of!(StringArray, Text)),
            Kind::Bool => Arc::new(of!(BooleanArray, Bool)),
            Kind::Date => Arc::new(of!(Date32Array, Date)),
            Kind::Instant => {
                let instants = of!(TimestampMicrosecondArray, Instant);
                Arc::new(instants.with_timezone_opt(*zone))
            }
            Kind::Decimal => {
                let digits = cells.map(|cell| match cell {
                    Cell::Decimal(digits, _) => Some(*digits),
                    _ => None,
                });
                let all = digits.collect::<Decimal128Array>();
                Arc::new(all.with_precision_and_scale(10, 2).expect("two digits of ten"))
            }
        }
    };
    let columns = table.columns.iter().enumerate().filter(|(_, c)| c.calculated.is_none());
    RecordBatch::try_from_iter_with_nullable(
        columns.map(|(index, c)| (c.name.clone(), column(index, c), true)),
    )
    .expect("columns of one length")
}
