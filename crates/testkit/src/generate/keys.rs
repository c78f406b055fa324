//! Keys of other kinds than one whole number: texts, two columns, and keys that two tables share.

use super::random::Random;
use crate::reference::{Back, Cell, Column, Kind, Link, Table};

/// The texts of the first keys, in the order of their numbers.
const TEXTS: [&str; 16] = [
    "a b",
    "a",
    "",
    "A",
    "B",
    "\u{e9}",
    "e\u{301}",
    "b",
    "ab%",
    "\u{c9}",
    "\u{df}",
    "a_b",
    "A b",
    "\u{65e5}\u{672c}",
    " a",
    "a ",
];

/// The text of a key, another one for each number.
fn text(number: i64) -> String {
    let first = usize::try_from(number).ok().and_then(|number| TEXTS.get(number));
    first.map_or_else(|| format!("Key {number}"), |text| (*text).to_owned())
}

/// Gives the tables of some worlds other keys. It takes no chance away from what else is random: it
/// has its own.
pub(super) fn vary(random: &mut Random, tables: &mut [Table]) {
    let pair = if random.percent(25) { shared(random, tables) } else { None };
    if random.percent(20) {
        let chosen = some(random, tables.len(), pair);
        split(random, tables, &chosen);
    }
    if random.percent(20) {
        let chosen = some(random, tables.len(), pair);
        spell(tables, &chosen);
    }
}

/// Which of so many tables are chosen: of two that share their keys both, or neither.
fn some(random: &mut Random, count: usize, pair: Option<(usize, usize)>) -> Vec<bool> {
    let mut chosen: Vec<bool> = (0..count).map(|_| random.percent(60)).collect();
    if let Some((a, b)) = pair {
        chosen[b] = chosen[a];
    }
    chosen
}

/// Lets rows of two tables lead to each other by their primary keys, or those of one of them.
fn shared(random: &mut Random, tables: &mut [Table]) -> Option<(usize, usize)> {
    let plain = |table: &usize| tables[*table].validity.is_none();
    let plain: Vec<usize> = (0..tables.len()).filter(plain).collect();
    if plain.len() < 2 {
        return None;
    }
    let first = random.below(plain.len());
    let second = (first + 1 + random.below(plain.len() - 1)) % plain.len();
    let (a, b) = (plain[first], plain[second]);
    let ways = if random.percent(60) { 2 } else { 1 };
    for (from, to) in [(a, b), (b, a)].into_iter().take(ways) {
        let back = random
            .percent(50)
            .then(|| Back { name: format!("of_t{from}_other"), bridge: random.percent(75) });
        let (name, column) = ("one_other".to_owned(), tables[from].key);
        let link = Link { name, column, rest: None, one: true, to, as_of: None, back };
        tables[from].links.push(link);
    }
    Some((a, b))
}

/// The columns of foreign keys that lead to some tables, by the positions of table and link. A
/// primary key that leads to another goes the way of its table.
fn leading(tables: &[Table], chosen: &[bool]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        for (at, link) in table.links.iter().enumerate() {
            if chosen[link.to] && link.column != table.key {
                found.push((index, at));
            }
        }
    }
    found
}

/// Makes two columns of the keys of some tables.
fn split(random: &mut Random, tables: &mut [Table], chosen: &[bool]) {
    for (index, link) in leading(tables, chosen) {
        let column = tables[index].links[link].column;
        let rest = divide(random, &mut tables[index], column);
        tables[index].links[link].rest = Some(rest);
    }
    for (table, _) in tables.iter_mut().zip(chosen).filter(|(_, chosen)| **chosen) {
        let key = table.key;
        let rest = divide(random, table, key);
        table.rest = Some(rest);
        for link in table.links.iter_mut().filter(|link| link.one) {
            link.rest = Some(rest);
        }
    }
}

/// Divides the numbers of a column: the rest stands in a new one. Of a missing number one part is
/// missing, or both are.
fn divide(random: &mut Random, table: &mut Table, column: usize) -> usize {
    let name = format!("{}_part", table.columns[column].name);
    table.columns.push(Column::new(&name, Kind::Int));
    for row in &mut table.rows {
        let (part, rest) = match (&row[column], random.below(3)) {
            (Cell::Int(n), _) => (Cell::Int(n.div_euclid(3)), Cell::Int(n.rem_euclid(3))),
            (_, 0) => (Cell::Null, Cell::Null),
            (_, 1) => (Cell::Int(random.within(0, 3)), Cell::Null),
            _ => (Cell::Null, Cell::Int(random.within(0, 2))),
        };
        row[column] = part;
        row.push(rest);
    }
    table.columns.len() - 1
}

/// Makes texts of the keys of some tables.
fn spell(tables: &mut [Table], chosen: &[bool]) {
    let foreign = leading(tables, chosen).into_iter();
    let mut columns: Vec<(usize, usize)> =
        foreign.map(|(index, link)| (index, tables[index].links[link].column)).collect();
    columns.extend((0..tables.len()).filter(|t| chosen[*t]).map(|t| (t, tables[t].key)));
    for (index, column) in columns {
        tables[index].columns[column].kind = Kind::Text;
        for row in &mut tables[index].rows {
            if let Cell::Int(number) = row[column] {
                row[column] = Cell::Text(text(number));
            }
        }
    }
}

/// So many keys that no row of a table has; of two columns, the first.
pub(super) fn fresh(table: &Table, count: usize) -> Vec<Cell> {
    let known: Vec<&Cell> = table.rows.iter().map(|row| &row[table.key]).collect();
    let last = known.iter().fold(1000_i64, |last, key| match key {
        Cell::Int(number) => last.max(*number),
        _ => last,
    });
    let of_kind = |number| match table.columns[table.key].kind {
        Kind::Text => Cell::Text(text(number)),
        _ => Cell::Int(number),
    };
    let free = |key: &Cell| !known.iter().any(|known| known.same(key));
    (last + 1..).map(of_kind).filter(free).take(count).collect()
}
