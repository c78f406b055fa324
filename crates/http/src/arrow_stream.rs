//! The Arrow IPC stream of an answer: its values, and nothing that merely lies beside them.
//!
//! Arrays that were filtered or masked share memory with what they were made of. A dictionary keeps
//! the texts of rows that are gone, a view array whole buffers of them, a masked number the number
//! below its missing one; schemas keep the metadata of their source. A reader in this process does
//! not look there, but the stream would carry it all to the client. So every batch is made anew.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, new_empty_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::row::{RowConverter, SortField};
use sandbar::Answer;

use crate::refusal::Refusal;

/// Writes batches, one piece of the stream each.
pub(crate) struct ArrowPen {
    schema: SchemaRef,
    rows: RowConverter,
    writer: StreamWriter<Vec<u8>>,
}

impl ArrowPen {
    pub(crate) fn new(answer: &Answer) -> Result<Self, Refusal> {
        let types = answer.schema().fields().iter().map(|field| field.data_type().clone());
        let sorts: Vec<SortField> = types.map(SortField::new).collect();
        if !RowConverter::supports_fields(&sorts) {
            let message = "a column has a type that cannot be sent as an Arrow stream";
            return Err(Refusal::not_acceptable(message));
        }
        let rows = RowConverter::new(sorts).map_err(Refusal::logged)?;
        let names = answer.columns().iter().map(|column| column.name.as_str());
        Self::over(rows, answer.schema(), names).map_err(Refusal::logged)
    }

    fn over<'a>(
        mut rows: RowConverter,
        given: &Schema,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Self, ArrowError> {
        // Dictionaries come out as what they stand for: the types are those of no rows at all.
        let none = given.fields().iter().map(|field| new_empty_array(field.data_type())).collect();
        let none = renewed(&mut rows, none)?;
        let fields =
            names.zip(&none).map(|(name, array)| Field::new(name, array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let writer = StreamWriter::try_new(Vec::new(), &schema)?;
        Ok(Self { schema, rows, writer })
    }

    /// The next piece; the first begins with the schema.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let columns = renewed(&mut self.rows, batch.columns().to_vec())?;
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        Ok(std::mem::take(self.writer.get_mut()))
    }

    /// The last piece: the mark of the regular end.
    pub(crate) fn end(&mut self) -> Result<Vec<u8>, ArrowError> {
        self.writer.finish()?;
        Ok(std::mem::take(self.writer.get_mut()))
    }
}

/// The same values in memory of their own. The row format has no room for anything else: it is
/// made for comparing rows byte by byte.
fn renewed(
    rows: &mut RowConverter,
    columns: Vec<Arc<dyn Array>>,
) -> Result<Vec<Arc<dyn Array>>, ArrowError> {
    if columns.is_empty() {
        return Ok(columns);
    }
    let encoded = rows.convert_columns(&columns)?;
    rows.convert_rows(&encoded)
}
