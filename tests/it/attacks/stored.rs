//! The rows of the attacks as they are stored: in memory, and in files.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use super::world::Row;

/// How many notes there are about items.
pub(super) const NOTES: i64 = 1_500;

/// The item that a note is about.
pub(super) fn item_of(note: i64) -> Option<i64> {
    (note % 50 != 0).then_some(note * 13)
}

pub(super) fn notes() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..NOTES));
    let items: ArrayRef = Arc::new(Int64Array::from_iter((0..NOTES).map(item_of)));
    RecordBatch::try_from_iter([("id", ids), ("item_id", items)]).unwrap()
}

pub(super) fn offices() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let states: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    RecordBatch::try_from_iter([("id", ids), ("state", states)]).unwrap()
}

pub(super) fn batch(rows: &[Row]) -> RecordBatch {
    let int = |of: &dyn Fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(rows.iter().map(of)))
    };
    let text = |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(StringArray::from_iter(rows.iter().map(of)))
    };
    let some = |text: &str| Some(text.to_owned());
    let part = |r: &Row| match (r.shown, r.is_left()) {
        (true, true) => some("left"),
        (true, false) => some("right"),
        (false, _) => some("none"),
    };
    let wide = |r: &Row| if r.shown || r.id % 2 == 0 { some("a") } else { some("b") };
    let flag = rows.iter().map(|r| Some(r.shown || r.id % 2 == 1));
    let money = Decimal128Array::from_iter(rows.iter().map(|r| r.money));
    let money: ArrayRef = Arc::new(money.with_precision_and_scale(20, 2).unwrap());
    RecordBatch::try_from_iter_with_nullable([
        ("id", int(&|r| Some(r.id)), false),
        ("tenant", text(&|r| r.tenant.map(str::to_owned)), true),
        ("part", text(&part), true),
        ("level", int(&|r| Some(if r.shown { r.id % 10 } else { 10 + r.id % 10 })), true),
        ("flag", Arc::new(BooleanArray::from_iter(flag)) as ArrayRef, true),
        ("wide", text(&wide), true),
        (
            "branch_id",
            int(&|r| if r.shown { Some(1) } else { Some(2).filter(|_| r.id % 3 > 0) }),
            true,
        ),
        ("desk_id", int(&|r| Some(if r.shown && !r.is_left() { 1 } else { 2 })), true),
        // Where there is an office it is seen; the others' is hidden, or not there.
        (
            "place_id",
            int(&|r| match (r.shown, r.id % 3) {
                (true, 0) => None,
                (true, _) => Some(1),
                (false, 0) => Some(7),
                (false, _) => Some(2),
            }),
            true,
        ),
        ("salary", int(&|r| r.salary), true),
        ("secret", text(&|r| r.secret.clone()), true),
        ("big", int(&|r| r.big), true),
        ("low", int(&|r| r.low), true),
        ("money", money, true),
        ("cut", int(&|r| r.cut), true),
        ("day", text(&|r| r.day.clone()), true),
        (
            "score",
            Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.score))) as ArrayRef,
            true,
        ),
    ])
    .unwrap()
}

/// Three files of several row groups each.
pub(super) fn write(folder: &TempDir, batches: &[RecordBatch]) {
    let items = folder.path().join("items");
    std::fs::create_dir(&items).unwrap();
    for (index, part) in batches.chunks(batches.len().div_ceil(3)).enumerate() {
        let file = File::create(items.join(format!("{index}.parquet"))).unwrap();
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(2_500)).build();
        let mut writer = ArrowWriter::try_new(file, part[0].schema(), Some(groups)).unwrap();
        part.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
    }
}
