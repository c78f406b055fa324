//! The formats that are written batch by batch: an object a line, and the Arrow IPC stream.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use sandbar::AnswerColumn;

use crate::cells;
use crate::format::Format;
use crate::refusal::Refusal;

/// Writes batches, one piece of the body each.
pub(crate) enum Pen {
    /// With the names of the columns.
    Lines(Vec<String>),
    Arrow(Box<StreamWriter<Vec<u8>>>),
}

impl Pen {
    /// Lines unless it is Arrow.
    pub(crate) fn new(
        format: Format,
        schema: &SchemaRef,
        columns: &[AnswerColumn],
    ) -> Result<Self, Refusal> {
        if format == Format::Arrow {
            let writer = StreamWriter::try_new(Vec::new(), schema).map_err(Refusal::logged)?;
            return Ok(Self::Arrow(Box::new(writer)));
        }
        Ok(Self::Lines(columns.iter().map(|column| column.name.clone()).collect()))
    }

    /// The next piece; the first of Arrow begins with the schema.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, Unwritten> {
        match self {
            Self::Lines(names) => cells::lines(names, batch).map_err(Unwritten::Line),
            Self::Arrow(writer) => {
                writer.write(batch).map_err(Unwritten::Batch)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// The last piece: the mark of the regular end, where there is one.
    pub(crate) fn end(&mut self) -> Result<Vec<u8>, Unwritten> {
        match self {
            Self::Lines(_) => Ok(Vec::new()),
            Self::Arrow(writer) => {
                writer.finish().map_err(Unwritten::Batch)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }
}

/// Why a batch cannot be written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    Line(serde_json::Error),
    Batch(ArrowError),
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows cannot be written")
    }
}

impl std::error::Error for Unwritten {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Line(error) => error,
            Self::Batch(error) => error,
        })
    }
}
