//! What a question means, worked out slowly: row by row over plain data, with nothing of the
//! planner's and nothing of DataFusion's.
//!
//! Where the documents leave a meaning open, the choice stands in a comment that begins with
//! "Choice:".
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "small worlds of our own; a mistake here fails a test, and nothing else"
)]

mod answer;
mod attributes;
mod bins;
mod calculated;
pub mod calendar;
mod cell;
mod conversion;
mod denials;
mod entity;
mod filter;
mod groups;
mod listing;
mod names;
mod numbers;
mod policy;
mod question;
mod requires;
mod scope;
mod series;
mod smallest;
mod stage;
mod world;
mod zones;

pub use attributes::{Attribute, AttributeRule, Given, Side};
pub use bins::{Bin, Cut};
pub use calculated::Expression;
pub use cell::Cell;
pub(crate) use cell::clock;
pub use denials::{Denial, Denied};
pub use policy::{Grant, InRows, MASK_KEY, Mask, Policies, Propagation, RowRule};
pub use question::{
    Answer, AskedAggregation, AskedField, AskedMeasure, AskedMetric, AskedShare, Condition,
    Question,
};
pub use scope::Scope;
pub use world::{
    Back, Calculation, Column, Formula, Function, Input, Kind, Link, Measure, Metric, Rule, Semi,
    Shift, Start, Table, Window, World,
};
pub use zones::Zone;

use calendar::Calendar;

/// Why a question has no answer.
pub type Refused = String;

/// Who works it out.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'w> {
    /// The world.
    world: &'w World,
    /// How the question counts time.
    calendar: Calendar,
}

impl<'w> Reference<'w> {
    /// For questions to a world.
    pub fn new(world: &'w World) -> Self {
        Self { world, calendar: world.calendar }
    }

    /// For a question that may have a zone or weeks of its own.
    ///
    /// Choice: a question in `from` that has none has those of the question around it.
    fn asked_by(self, question: &Question) -> Self {
        let mut calendar = self.calendar;
        calendar.zone = question.time_zone.unwrap_or(calendar.zone);
        calendar.week_start = question.week_start.unwrap_or(calendar.week_start);
        Self { calendar, ..self }
    }
}
