//! The sample shop: four small tables of invented people, products, orders and reviews.
//!
//! The data are made here, by integer arithmetic from one fixed seed: the same on every platform
//! and in every run, nothing is read or downloaded. The crate knows neither the engine nor the
//! time of day; a host that wants the shop to end yesterday passes its own date to
//! [`Shop::with_today`].
//!
//! With the tables come, as texts, a model ([`MODEL`]) and policies ([`POLICIES`]), and the people
//! that examples and tests ask as ([`ASKERS`]). [`Shop::write_parquet`] writes the tables for
//! whoever reads them without this crate.
//!
//! | table | rows | keys |
//! |---|---|---|
//! | `people` | 2,500 | `id` |
//! | `products` | 200 | `id`, `ean`, `title` |
//! | `orders` | 18,760 | `id`; `user_id` → `people.id`, `product_id` → `products.id` |
//! | `reviews` | 1,112 | `id`; `product_id` → `products.id` |
//!
//! Planted on purpose: orders whose keys match nothing, people and products without orders,
//! products with many orders *and* many reviews (joined naively they count double), a price step
//! at [`PRICE_STEP`], prices that scatter ever more, seasons, outliers and NULLs.

mod askers;
mod calendar;
mod checksum;
mod files;
mod model;
mod orders;
mod people;
mod products;
mod reviews;
mod rng;
mod shop;
mod traffic;
mod words;

pub use askers::{ASKERS, Asker, Attribute};
pub use calendar::{ANCHOR, FIRST_DAY, PRICE_STEP, civil, day};
pub use checksum::checksum;
pub use files::WriteError;
pub use model::{CASES, CASES_NAME, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME};
pub use rng::Rng;
pub use shop::Shop;

#[cfg(test)]
mod facts_tests;
#[cfg(test)]
mod policies_tests;
#[cfg(test)]
mod queries_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod trends_tests;
