//! What a question means, worked out slowly: row by row over plain data, with nothing of the
//! planner's and nothing of DataFusion's. Days are those of UTC, weeks start on Monday.
//!
//! Where the documents leave a meaning open, the choice stands in a comment that begins with
//! "Choice:".
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "small worlds of our own; a mistake here fails a test, and nothing else"
)]

mod answer;
mod bins;
pub mod calendar;
mod cell;
mod conversion;
mod entity;
mod filter;
mod groups;
mod listing;
mod names;
mod numbers;
mod policy;
mod question;
mod series;
mod stage;
mod world;

pub use bins::{Bin, Cut};
pub use cell::Cell;
pub use policy::{Grant, Mask, Policies, RowRule};
pub use question::{
    Answer, AskedAggregation, AskedField, AskedMetric, AskedShare, Condition, Question,
};
pub use world::{
    Calculation, Column, Formula, Function, Input, Kind, Link, Metric, Rule, Semi, Shift, Start,
    Table, Window, World,
};

/// Why a question has no answer.
pub type Refused = String;

/// Who works it out: a world, and what day it is there.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'w> {
    /// The world.
    pub world: &'w World,
    /// Today.
    pub today: i32,
}
