//! The Arrow IPC stream of an answer.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use sandbar::Answer;

use crate::refusal::Refusal;

/// Writes batches, one piece of the stream each.
pub(crate) struct ArrowPen {
    writer: StreamWriter<Vec<u8>>,
}

impl ArrowPen {
    pub(crate) fn new(answer: &Answer) -> Result<Self, Refusal> {
        let writer = StreamWriter::try_new(Vec::new(), answer.schema()).map_err(Refusal::logged)?;
        Ok(Self { writer })
    }

    /// The next piece; the first begins with the schema.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.writer.write(batch)?;
        Ok(std::mem::take(self.writer.get_mut()))
    }

    /// The last piece: the mark of the regular end.
    pub(crate) fn end(&mut self) -> Result<Vec<u8>, ArrowError> {
        self.writer.finish()?;
        Ok(std::mem::take(self.writer.get_mut()))
    }
}
