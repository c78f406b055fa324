//! The reviews: what some say of the products.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

use crate::calendar::Shift;
use crate::products::Products;
use crate::rng::{Rng, Weights};
use crate::traffic::Traffic;
use crate::words::{BODY_BAD, BODY_FAIR, BODY_GOOD, BODY_MORE, REVIEWER_HEADS, REVIEWER_TAILS};

/// Number of reviews.
const REVIEWS: usize = 1_112;

/// One in so many reviews has stars only.
const SILENT: i64 = 40;

/// How likely one to five stars are: for most products, and for those below [`GOOD`].
const STARS: [i64; 5] = [3, 5, 12, 36, 44];
const FEWER_STARS: [i64; 5] = [12, 16, 24, 30, 18];

/// The quality, in tenths of a star, from which a product gets good reviews.
const GOOD: i64 = 34;

/// The rows in the order of their ids, 1 and up.
pub(crate) struct Reviews {
    rows: Vec<Review>,
}

struct Review {
    product_id: i64,
    reviewer: String,
    rating: i32,
    body: Option<String>,
    created_at: i64,
}

impl Reviews {
    pub(crate) fn generate(products: &Products) -> Self {
        let mut rng = Rng::new(0x5A4D_0004);
        let (stars, fewer) = (Weights::new(STARS), Weights::new(FEWER_STARS));
        let moments = Traffic::new().moments(&mut rng, REVIEWS);
        let review = |created_at| {
            let product = products.reviewed(&mut rng, created_at)?;
            let stars = if product.quality < GOOD { &fewer } else { &stars };
            let rating = stars.draw(&mut rng) as i32 + 1;
            let (product_id, reviewer) = (product.id, reviewer(&mut rng));
            Some(Review { product_id, reviewer, rating, body: body(&mut rng, rating), created_at })
        };
        Self { rows: moments.into_iter().filter_map(review).collect() }
    }

    pub(crate) fn batch(&self, shift: Shift) -> Result<RecordBatch, ArrowError> {
        let rows = || self.rows.iter();
        let products = Int64Array::from_iter_values(rows().map(|row| row.product_id));
        let reviewers = StringArray::from_iter_values(rows().map(|row| &row.reviewer));
        let ratings = Int32Array::from_iter_values(rows().map(|row| row.rating));
        let bodies: StringArray = rows().map(|row| row.body.as_deref()).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from_iter_values(1..=REVIEWS as i64)) as ArrayRef, false),
            ("product_id", Arc::new(products), false),
            ("reviewer", Arc::new(reviewers), false),
            ("rating", Arc::new(ratings), false),
            ("body", Arc::new(bodies), true),
            ("created_at", Arc::new(shift.moments(rows().map(|row| row.created_at))), false),
        ])
    }
}

fn reviewer(rng: &mut Rng) -> String {
    let (head, tail) = (rng.pick(&REVIEWER_HEADS), rng.pick(&REVIEWER_TAILS));
    format!("{head}_{tail}{}", 1 + rng.below(99))
}

fn body(rng: &mut Rng, rating: i32) -> Option<String> {
    let first = match rating {
        ..=2 => rng.pick(&BODY_BAD),
        3 => rng.pick(&BODY_FAIR),
        4.. => rng.pick(&BODY_GOOD),
    };
    let more = rng.pick(&BODY_MORE);
    let body = if more.is_empty() { first.to_owned() } else { format!("{first} {more}") };
    (!rng.one_in(SILENT)).then_some(body)
}
