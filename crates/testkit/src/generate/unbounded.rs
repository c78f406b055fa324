//! Doubles that are infinite, or no numbers, in some worlds.

use super::random::Random;
use crate::reference::{Cell, Kind, World};

/// Lets some of the doubles of a few worlds be infinite, or no numbers, or zero with a sign.
pub fn unbounded(random: &mut Random, world: &mut World) {
    if !random.percent(8) {
        return;
    }
    for table in world.tables.iter_mut().filter(|table| table.derived.is_none()) {
        for (index, column) in table.columns.iter().enumerate() {
            if column.kind != Kind::Double || column.calculated.is_some() {
                continue;
            }
            for row in table.rows.iter_mut().filter(|row| !row[index].is_null()) {
                if random.percent(30) {
                    let values =
                        [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NAN, -0.0];
                    row[index] = Cell::Double(*random.pick(&values));
                }
            }
        }
    }
    world.calculate();
}
