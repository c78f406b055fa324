//! The products: what they are called, who makes them, what they cost.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

use crate::calendar::{ANCHOR, DAY_MICROS, FIRST_DAY, Shift};
use crate::rng::{Rng, Weights};
use crate::traffic::time_of_day;
use crate::words::{CATEGORIES, TITLE_STUFFS, TITLE_STYLES, TITLE_THINGS, VENDORS};

/// Number of products.
pub(crate) const PRODUCTS: usize = 200;

/// Products on sale from the first day; the others follow until [`LAST_LAUNCH`] days before the
/// anchor.
const FROM_START: usize = 120;
const LAST_LAUNCH: i64 = 45;

/// Products nobody has rated.
const UNRATED: usize = 6;

/// Products nobody orders; a few that came late and sell badly have no order either.
const UNSOLD: usize = 4;

/// The rows in the order of their ids, 1 and up.
pub(crate) struct Products {
    rows: Vec<Product>,
    sales: Weights,
    talk: Weights,
}

/// One row, and what orders and reviews must know of it.
pub(crate) struct Product {
    pub(crate) id: i64,
    ean: String,
    title: String,
    category: &'static str,
    vendor: &'static str,
    /// Today's list price in cents.
    pub(crate) price: i64,
    /// How good it is, in tenths of a star.
    pub(crate) quality: i64,
    rated: bool,
    created_at: i64,
    /// How well it sells, relative to the others.
    popularity: i64,
}

impl Products {
    pub(crate) fn generate() -> Self {
        let mut rng = Rng::new(0x5A4D_0002);
        let rows = rows(&mut rng);
        let sales = Weights::new(rows.iter().map(|row| row.popularity));
        // What sells best is reviewed far more, so joining orders with reviews over the product
        // multiplies most where it matters most.
        let talk = Weights::new(rows.iter().map(|row| row.popularity * (row.popularity + 12)));
        Self { rows, sales, talk }
    }

    /// A product someone orders at that moment.
    pub(crate) fn sold(&self, rng: &mut Rng, moment: i64) -> Option<&Product> {
        self.rows.get(self.sales.draw_among(rng, self.launched(moment)))
    }

    /// A product someone reviews at that moment.
    pub(crate) fn reviewed(&self, rng: &mut Rng, moment: i64) -> Option<&Product> {
        self.rows.get(self.talk.draw_among(rng, self.launched(moment)))
    }

    fn launched(&self, moment: i64) -> usize {
        self.rows.partition_point(|row| row.created_at <= moment)
    }

    pub(crate) fn batch(&self, shift: Shift) -> Result<RecordBatch, ArrowError> {
        let rows = || self.rows.iter();
        let text = |of: fn(&Product) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows().map(of)))
        };
        let prices = Decimal128Array::from_iter_values(rows().map(|row| i128::from(row.price)));
        let ratings: Float64Array =
            rows().map(|row| row.rated.then_some(row.quality as f64 / 10.0)).collect();
        let ids = Int64Array::from_iter_values(rows().map(|row| row.id));
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(ids) as ArrayRef, false),
            ("ean", text(|row| &row.ean), false),
            ("title", text(|row| &row.title), false),
            ("category", text(|row| row.category), false),
            ("vendor", text(|row| row.vendor), false),
            ("price", Arc::new(prices.with_precision_and_scale(10, 2)?), false),
            ("rating", Arc::new(ratings), true),
            ("created_at", Arc::new(shift.moments(rows().map(|row| row.created_at))), false),
        ])
    }
}

fn rows(rng: &mut Rng) -> Vec<Product> {
    let (unrated, unsold) = (rng.spread(PRODUCTS, UNRATED), rng.spread(PRODUCTS, UNSOLD));
    let vendors = Weights::new(VENDORS.iter().map(|&(_, weight)| weight));
    let mut launches: Vec<i64> = (0..PRODUCTS).map(|nth| launch(rng, nth)).collect();
    launches.sort_unstable();
    let mut titles = HashSet::new();
    let product = |(row, created_at)| Product {
        id: row as i64 + 1,
        ean: ean(rng, row as i64 + 1),
        title: title(rng, &mut titles),
        category: rng.pick(&CATEGORIES),
        vendor: VENDORS.get(vendors.draw(rng)).copied().unwrap_or_default().0,
        price: price(rng),
        quality: 22 + rng.below(29).max(rng.below(29)),
        rated: unrated.binary_search(&row).is_err(),
        created_at,
        popularity: popularity(rng, unsold.binary_search(&row).is_ok()),
    };
    launches.into_iter().enumerate().map(product).collect()
}

fn launch(rng: &mut Rng, nth: usize) -> i64 {
    let first = i64::from(FIRST_DAY);
    let day = if nth < FROM_START {
        first - 1 - rng.below(30)
    } else {
        first + rng.below(i64::from(ANCHOR) - LAST_LAUNCH - first)
    };
    day * DAY_MICROS + time_of_day(rng)
}

fn popularity(rng: &mut Rng, unsold: bool) -> i64 {
    let drawn = rng.below(6);
    if unsold { 0 } else { 1 + drawn * drawn }
}

/// A price in cents: one half of the products costs about 29.00, the other about 75.00.
fn price(rng: &mut Rng) -> i64 {
    if rng.one_in(2) { 1_200 + rng.hump(1_700) } else { 5_100 + rng.hump(2_450) }
}

/// Three words that no product had before.
fn title(rng: &mut Rng, taken: &mut HashSet<String>) -> String {
    loop {
        let (style, stuff) = (rng.pick(&TITLE_STYLES), rng.pick(&TITLE_STUFFS));
        let title = format!("{style} {stuff} {}", rng.pick(&TITLE_THINGS));
        if taken.insert(title.clone()) {
            return title;
        }
    }
}

/// An article number that begins with 2, as those do that shops hand out for themselves; unique
/// because the id is in it.
fn ean(rng: &mut Rng, id: i64) -> String {
    let digits = format!("2{:07}{id:04}", rng.below(10_000_000));
    // Weights 1 and 3 in turn from the left; the last digit fills up to a multiple of ten.
    let sum: u32 = digits
        .bytes()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
