//! The orders: who bought what, when, how many and at what price.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch};
use arrow::error::ArrowError;

use crate::calendar::{ANCHOR, FIRST_DAY, PRICE_STEP, Shift, civil, day_of};
use crate::people::{PEOPLE, People};
use crate::products::{PRODUCTS, Products};
use crate::rng::Rng;
use crate::traffic::Traffic;

/// Number of orders.
const ORDERS: usize = 18_760;

/// Orders of people who are not in `people`.
const UNKNOWN_USERS: usize = 36;

/// Orders of products that are not in `products`: of each four, two have no `product_id` at all
/// and two have one that matches nothing.
const UNKNOWN_PRODUCTS: usize = 44;

/// Percent of the list price that customers paid before the price step.
const BEFORE_STEP: i64 = 87;

/// How far a price may lie from the list price, in thousandths: on the first day, and on the
/// anchor.
const SCATTER: (i64, i64) = (15, 180);

/// The usual quantity in each month, January first.
const QUANTITIES: [i64; 12] = [3, 3, 3, 4, 4, 4, 5, 4, 4, 5, 6, 7];

/// One in so many orders is of a hundred pieces or more.
const BULK: i64 = 1_500;

/// The rows in the order of their ids, 1 and up.
pub(crate) struct Orders {
    rows: Vec<Order>,
}

/// One order; money in cents.
struct Order {
    user_id: i64,
    product_id: Option<i64>,
    subtotal: i64,
    tax: i64,
    discount: Option<i64>,
    quantity: i32,
    created_at: i64,
}

impl Orders {
    pub(crate) fn generate(people: &People, products: &Products) -> Self {
        let mut rng = Rng::new(0x5A4D_0003);
        let moments = Traffic::new().moments(&mut rng, ORDERS);
        let mut rows: Vec<Order> =
            moments.into_iter().map(|moment| order(&mut rng, people, products, moment)).collect();
        plant_unknown(&mut rng, &mut rows);
        Self { rows }
    }

    pub(crate) fn batch(&self, shift: Shift) -> Result<RecordBatch, ArrowError> {
        let rows = || self.rows.iter();
        let money = |of: fn(&Order) -> i64| -> Result<ArrayRef, ArrowError> {
            let cents = Decimal128Array::from_iter_values(rows().map(|row| i128::from(of(row))));
            Ok(Arc::new(cents.with_precision_and_scale(12, 2)?))
        };
        let discounts: Decimal128Array = rows().map(|row| row.discount.map(i128::from)).collect();
        let users = Int64Array::from_iter_values(rows().map(|row| row.user_id));
        let products: Int64Array = rows().map(|row| row.product_id).collect();
        let quantities = Int32Array::from_iter_values(rows().map(|row| row.quantity));
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from_iter_values(1..=ORDERS as i64)) as ArrayRef, false),
            ("user_id", Arc::new(users), false),
            ("product_id", Arc::new(products), true),
            ("subtotal", money(|row| row.subtotal)?, false),
            ("tax", money(|row| row.tax)?, false),
            ("total", money(Order::total)?, false),
            ("discount", Arc::new(discounts.with_precision_and_scale(12, 2)?), true),
            ("quantity", Arc::new(quantities), false),
            ("created_at", Arc::new(shift.moments(rows().map(|row| row.created_at))), false),
        ])
    }
}

impl Order {
    fn total(&self) -> i64 {
        self.subtotal + self.tax - self.discount.unwrap_or(0)
    }
}

fn order(rng: &mut Rng, people: &People, products: &Products, moment: i64) -> Order {
    let day = day_of(moment);
    let (user_id, tax) = people.buyer(rng, moment);
    let product = products.sold(rng, moment);
    let list = product.map_or(0, |product| product.price);
    let quantity = quantity(rng, day);
    let subtotal = unit_price(rng, list, day) * quantity;
    let discount = 5 * (1 + rng.below(5));
    Order {
        user_id,
        product_id: product.map(|product| product.id),
        subtotal,
        tax: rounded(subtotal * tax, 10_000),
        discount: rng.one_in(10).then(|| rounded(subtotal * discount, 100)),
        quantity: quantity as i32,
        created_at: moment,
    }
}

/// What one piece cost on that day: the list price, less before the price step, and off by a share
/// that may grow from day to day.
fn unit_price(rng: &mut Rng, list: i64, day: i32) -> i64 {
    let (elapsed, span) = (i64::from(day - FIRST_DAY), i64::from(ANCHOR - FIRST_DAY));
    let scatter = SCATTER.0 + (SCATTER.1 - SCATTER.0) * elapsed / span;
    let off = rng.hump(scatter + 1) - scatter;
    let percent = if day < PRICE_STEP { BEFORE_STEP } else { 100 };
    rounded(list * percent * (1_000 + off), 100_000)
}

fn quantity(rng: &mut Rng, day: i32) -> i64 {
    let month = civil(day).1.saturating_sub(1) as usize;
    let usual = QUANTITIES.get(month).copied().unwrap_or(1);
    let drawn = 1 + rng.hump(usual);
    if rng.one_in(BULK) { 100 + rng.below(60) } else { drawn }
}

/// A share rounded to the nearest cent, halves up.
fn rounded(amount: i64, parts: i64) -> i64 {
    (amount + parts / 2) / parts
}

/// Gives some orders keys that match nothing, spread evenly over time; money stays as it is,
/// except that nobody's state means no tax.
fn plant_unknown(rng: &mut Rng, rows: &mut [Order]) {
    for at in rng.spread(ORDERS, UNKNOWN_USERS) {
        let stranger = PEOPLE as i64 + 1 + rng.below(25);
        if let Some(row) = rows.get_mut(at) {
            row.user_id = stranger;
            row.tax = 0;
        }
    }
    for (nth, at) in rng.spread(ORDERS, UNKNOWN_PRODUCTS).into_iter().enumerate() {
        let withdrawn = PRODUCTS as i64 + 1 + rng.below(6);
        if let Some(row) = rows.get_mut(at) {
            row.product_id = (nth % 2 == 0).then_some(withdrawn);
        }
    }
}
