//! Answers as text, compared: the same rows in any order.

use std::cmp::Ordering;

/// The rows of an answer, as cells of text; a missing value is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl Rows {
    /// Reads rows that are separated by commas; no cell of a test has one in it.
    pub fn read(csv: &str) -> Self {
        let mut lines = csv.lines().map(|line| line.split(',').map(str::to_owned).collect());
        let head = lines.next().unwrap_or_default();
        Self { head, rows: lines.collect() }
    }
}

/// Whether two answers have the same columns and, in any order, the same rows. Numbers are equal
/// where they are as decimals; those with more than six digits after the point are doubles, which
/// may differ by 1e-9 of their size.
pub fn same_rows(a: &Rows, b: &Rows) -> bool {
    let sorted = |rows: &Rows| {
        let mut rows = rows.rows.clone();
        rows.sort_by(|x, y| {
            x.iter().zip(y).map(|(x, y)| order(x, y)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
        rows
    };
    let (x, y) = (sorted(a), sorted(b));
    a.head == b.head
        && x.len() == y.len()
        && x.iter()
            .zip(&y)
            .all(|(x, y)| x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same_cell(x, y)))
}

/// Numbers by their size, then texts.
fn order(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => x.total_cmp(&y),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// Whether two cells say the same: doubles may differ by 1e-9 of their size, by which order they are
/// added up in, and by 1e-12 beside nothing, which deviations of equal numbers are.
pub fn same_cell(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    let long = |text: &str| text.split_once('.').is_some_and(|(_, digits)| digits.len() > 6);
    if long(a) || long(b) {
        return (x - y).abs() <= (1e-9 * x.abs().max(y.abs())).max(1e-12);
    }
    let bare = |text: &str| match text.split_once('.') {
        Some((whole, digits)) => match digits.trim_end_matches('0') {
            "" => whole.to_owned(),
            digits => format!("{whole}.{digits}"),
        },
        None => text.to_owned(),
    };
    bare(a) == bare(b)
}
