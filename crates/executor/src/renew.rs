//! Batches that hold their values and nothing beside them.
//!
//! Arrays that were filtered or masked share memory with what they were made of: a dictionary keeps
//! the texts of rows that are gone, a view array whole buffers of them, a masked number the number
//! below its missing one, and schemas keep the metadata of their source. A reader in this process
//! does not look there, but whatever writes the batches elsewhere (IPC, Parquet, FFI) carries it
//! all along. So the batches of a narrowed answer are made anew.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};

/// Makes the batches of one answer.
pub(crate) struct Renewal {
    schema: SchemaRef,
    /// Only for a narrowed answer.
    rows: Option<RowConverter>,
}

impl Renewal {
    /// `narrowed`: whether hidden values may lie beside the visible ones.
    pub(crate) fn new(given: &Schema, narrowed: bool) -> Result<Self, ArrowError> {
        let plain = |field: &Arc<Field>| {
            let data_type = match field.data_type() {
                DataType::Dictionary(_, value) => value.as_ref().clone(),
                other => other.clone(),
            };
            Field::new(field.name(), data_type, true)
        };
        let schema = Arc::new(Schema::new(given.fields().iter().map(plain).collect::<Vec<_>>()));
        let rows = if narrowed {
            let types = schema.fields().iter().map(|field| field.data_type().clone());
            Some(RowConverter::new(types.map(SortField::new).collect())?)
        } else {
            None
        };
        Ok(Self { schema, rows })
    }

    /// The schema of every batch: the same whether the answer is narrowed or not.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same values; for a narrowed answer, in memory of their own. The row format has no room
    /// for anything else: it is made for comparing rows byte by byte.
    pub(crate) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let plain = |(array, field): (&ArrayRef, &Arc<Field>)| {
            if array.data_type() == field.data_type() {
                Ok(Arc::clone(array))
            } else {
                cast(array, field.data_type())
            }
        };
        let mut columns = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(plain)
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(rows) = &self.rows {
            let encoded = rows.convert_columns(&columns)?;
            columns = rows.convert_rows(&encoded)?;
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}
