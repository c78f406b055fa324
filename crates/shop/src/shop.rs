//! The four tables together.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use crate::calendar::{ANCHOR, Shift};
use crate::orders::Orders;
use crate::people::People;
use crate::products::Products;
use crate::reviews::Reviews;

/// The sample shop: one Arrow batch per table.
///
/// ```
/// # fn main() -> Result<(), arrow::error::ArrowError> {
/// use sandbar_shop::{Shop, civil};
///
/// let shop = Shop::generate()?;
/// assert_eq!(civil(shop.today()), (2026, 7, 1));
/// for (name, batch) in shop.tables() {
///     assert!(batch.column_by_name("id").is_some(), "{name} has a key");
/// }
/// assert_eq!(shop.orders().num_rows(), 18_760);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Shop {
    today: i32,
    people: RecordBatch,
    products: RecordBatch,
    orders: RecordBatch,
    reviews: RecordBatch,
}

impl Shop {
    /// Makes the shop as its tests and documents know it: the last order is of [`ANCHOR`],
    /// 2026-06-30, and "today" is the day after.
    ///
    /// # Errors
    /// None is known; Arrow checks each batch against its schema.
    pub fn generate() -> Result<Self, ArrowError> {
        Self::with_today(ANCHOR.saturating_add(1))
    }

    /// Makes the same shop on another day: every date and timestamp moves by the same number of
    /// whole days, so that the last order is of the day before `today`. No other value changes;
    /// seasons and the price step move along.
    ///
    /// `today` is in days since 1970-01-01; [`day`](crate::day) makes it from a civil date.
    ///
    /// # Errors
    /// [`ArrowError::InvalidArgumentError`] if `today` lies outside of the years 200 to 9999.
    ///
    /// ```
    /// # fn main() -> Result<(), arrow::error::ArrowError> {
    /// use sandbar_shop::{Shop, day};
    ///
    /// let today = day(2030, 1, 15).unwrap_or_default();
    /// assert_eq!(Shop::with_today(today)?.today(), today);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_today(today: i32) -> Result<Self, ArrowError> {
        let shift = Shift::to(today)?;
        let people = People::generate();
        let products = Products::generate();
        let orders = Orders::generate(&people, &products);
        let reviews = Reviews::generate(&products);
        Ok(Self {
            today,
            people: people.batch(shift)?,
            products: products.batch(shift)?,
            orders: orders.batch(shift)?,
            reviews: reviews.batch(shift)?,
        })
    }

    /// The shop's "today", in days since 1970-01-01: the first day without orders.
    pub fn today(&self) -> i32 {
        self.today
    }

    /// The people: `id`, `name`, `email`, `password`, `birth_date`, `address`, `city`, `state`,
    /// `zip`, `latitude`, `longitude`, `source`, `created_at`.
    ///
    /// A few have no city or no state, about one in 25 no birth date. Sorted by `id` and by
    /// `created_at`.
    pub fn people(&self) -> &RecordBatch {
        &self.people
    }

    /// The products: `id`, `ean`, `title`, `category`, `vendor`, `price`, `rating`, `created_at`.
    ///
    /// `price` is decimal(10,2), today's list price; `rating` is NULL for a few.
    pub fn products(&self) -> &RecordBatch {
        &self.products
    }

    /// The orders: `id`, `user_id`, `product_id`, `subtotal`, `tax`, `total`, `discount`,
    /// `quantity`, `created_at`.
    ///
    /// Money is decimal(12,2). `subtotal` is the price of the whole quantity on that day, `tax`
    /// follows the buyer's state, and `total` = `subtotal` + `tax` − `discount`, where a NULL
    /// discount counts as nothing. A few dozen `user_id` and `product_id` match no row, some
    /// `product_id` are NULL.
    pub fn orders(&self) -> &RecordBatch {
        &self.orders
    }

    /// The reviews: `id`, `product_id`, `reviewer`, `rating`, `body`, `created_at`.
    ///
    /// `rating` is 1 to 5, mostly 4 and 5; some have no `body`.
    pub fn reviews(&self) -> &RecordBatch {
        &self.reviews
    }

    /// All tables by name: `people`, `products`, `orders`, `reviews`.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, &RecordBatch)> {
        [
            ("people", &self.people),
            ("products", &self.products),
            ("orders", &self.orders),
            ("reviews", &self.reviews),
        ]
        .into_iter()
    }
}
