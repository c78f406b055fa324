//! What the documents, examples and golden tests may rely on: the tables.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashSet;

use arrow::array::Array;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, TimeUnit};

use crate::checksum;
use crate::testing::{assert_key, cents, column, counts, longs, shop, texts};

#[test]
fn checksums_are_pinned() {
    let shop = shop();
    let sums: Vec<_> = shop.tables().map(|(name, batch)| (name, checksum(batch))).collect();
    let pinned = [
        ("people", "855b96a5309a2290005d9851fbb7eff01cca15ffa65101281171d4ceb0d53b74"),
        ("products", "71e564544a6bff87454cc2cda6f29fe3b9bfba35a4a78b23d788181725c7ea99"),
        ("orders", "bbc0d7713598768eb6c1fca6cea7972f3fe6abad8a8ec2e56b3a7eb1b93baef0"),
        ("reviews", "10937cbf8648fcf37afb51c31cd6138c411ae002bce63aee049991472bcc8a8d"),
    ];
    assert_eq!(sums, pinned.map(|(name, sum)| (name, sum.to_owned())));
}

#[test]
fn rows_and_keys() {
    let shop = shop();
    let rows: Vec<_> = shop.tables().map(|(name, batch)| (name, batch.num_rows())).collect();
    assert_eq!(
        rows,
        [("people", 2_500), ("products", 200), ("orders", 18_760), ("reviews", 1_112)]
    );
    for (_, batch) in shop.tables() {
        assert_key(batch, "id");
    }
    assert_key(shop.people(), "email");
    assert_key(shop.people(), "password");
    assert_key(shop.products(), "ean");
    assert_key(shop.products(), "title");
}

#[test]
fn types() {
    let shop = shop();
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let money = DataType::Decimal128(12, 2);
    for (_, batch) in shop.tables() {
        assert_eq!(batch.column_by_name("created_at").unwrap().data_type(), &moment);
        assert!(
            batch
                .schema()
                .fields()
                .iter()
                .all(|f| f.name().chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        );
    }
    for name in ["subtotal", "tax", "total", "discount"] {
        assert_eq!(shop.orders().column_by_name(name).unwrap().data_type(), &money);
    }
    let price = shop.products().column_by_name("price").unwrap();
    assert_eq!(price.data_type(), &DataType::Decimal128(10, 2));
}

#[test]
fn people_look_like_people() {
    let shop = shop();
    let people = shop.people();
    assert!(
        texts(people, "email")
            .iter()
            .flatten()
            .all(|e| e.is_ascii() && e.ends_with("example.test"))
    );
    assert!(texts(people, "password").iter().flatten().all(|p| p.len() == 64));
    let (zips, states) = (texts(people, "zip"), texts(people, "state"));
    assert!(zips.iter().flatten().all(|z| z.len() == 5 && z.bytes().all(|b| b.is_ascii_digit())));
    assert_eq!((zips.null_count(), states.null_count()), (9, 14));
    assert_eq!(texts(people, "city").null_count(), 9);
    assert_eq!(texts(people, "source").iter().flatten().collect::<HashSet<_>>().len(), 5);
    let births = column::<Date32Type>(people, "birth_date");
    assert!((50..=150).contains(&births.null_count()), "{}", births.null_count());
    let ages = births.iter().flatten().map(|birth| (shop.today() - birth) / 365);
    assert!(ages.into_iter().all(|age| (18..=82).contains(&age)));
    let latitudes = column::<Float64Type>(people, "latitude");
    assert!(latitudes.iter().flatten().all(|degrees| (25.0..50.0).contains(&degrees)));
    let longitudes = column::<Float64Type>(people, "longitude");
    assert!(longitudes.iter().flatten().all(|degrees| (-125.0..-66.0).contains(&degrees)));
}

#[test]
fn the_west_has_about_a_quarter() {
    let shop = shop();
    let by_state = counts(texts(shop.people(), "state").iter().flatten());
    assert_eq!(by_state.len(), 33);
    let west: usize = ["CA", "WA", "OR", "NV", "AZ"].iter().map(|state| by_state[state]).sum();
    let percent = west * 100 / shop.people().num_rows();
    assert!((15..=35).contains(&percent), "{percent} %");
}

#[test]
fn products_look_like_products() {
    let shop = shop();
    let products = shop.products();
    for ean in texts(products, "ean").iter().flatten() {
        let digits: Vec<u32> = ean.chars().map(|c| c.to_digit(10).unwrap()).collect();
        let sum: u32 = digits.iter().enumerate().map(|(at, d)| d * [1, 3][at % 2]).sum();
        assert_eq!((digits.len(), sum % 10), (13, 0), "{ean}");
    }
    let prices = cents(products, "price");
    assert!(prices.values().iter().all(|price| (1_200..=10_000).contains(price)));
    let near = |middle: i128| prices.values().iter().filter(|p| (**p - middle).abs() < 900).count();
    let (low, valley, high) = (near(2_900), near(4_850), near(7_500));
    assert!(low > 2 * valley && high > 2 * valley, "{low} {valley} {high}");
    assert_eq!(column::<Float64Type>(products, "rating").null_count(), 6);
    assert_eq!(texts(products, "vendor").iter().flatten().collect::<HashSet<_>>().len(), 12);
    let categories = counts(texts(products, "category").iter().flatten());
    assert!(categories.len() == 4 && categories.values().all(|&n| n > 30), "{categories:?}");
}

#[test]
fn totals_add_up() {
    let shop = shop();
    let orders = shop.orders();
    let (subtotals, taxes) = (cents(orders, "subtotal"), cents(orders, "tax"));
    let (totals, discounts) = (cents(orders, "total"), cents(orders, "discount"));
    for (row, discount) in discounts.iter().enumerate() {
        let expected = subtotals.value(row) + taxes.value(row) - discount.unwrap_or(0);
        assert_eq!(totals.value(row), expected, "row {row}");
        assert!(subtotals.value(row) > discount.unwrap_or(0) && taxes.value(row) >= 0);
    }
    let percent = discounts.null_count() * 100 / orders.num_rows();
    assert!((88..=91).contains(&percent), "{percent} % without discount");
}

#[test]
fn tax_follows_the_state() {
    let shop = shop();
    let (people, orders) = (shop.people(), shop.orders());
    let (subtotals, taxes) = (cents(orders, "subtotal"), cents(orders, "tax"));
    let states: Vec<_> = texts(people, "state").iter().collect();
    for (row, user) in longs(orders, "user_id").values().iter().enumerate() {
        let person = usize::try_from(user - 1).unwrap();
        let state = states.get(person).copied().flatten();
        let rate = crate::words::STATES.iter().find(|s| Some(s.code) == state).map_or(0, |s| s.tax);
        let error = taxes.value(row) * 10_000 - subtotals.value(row) * i128::from(rate);
        assert!(error.abs() <= 5_000, "row {row}");
    }
}

#[test]
fn some_keys_match_nothing() {
    let shop = shop();
    let people: HashSet<_> = longs(shop.people(), "id").values().iter().collect();
    let users = longs(shop.orders(), "user_id").values();
    assert_eq!(users.iter().filter(|id| !people.contains(id)).count(), 36);
    let products: HashSet<_> = longs(shop.products(), "id").values().iter().collect();
    let ordered = longs(shop.orders(), "product_id");
    assert_eq!(ordered.null_count(), 22);
    assert_eq!(ordered.iter().flatten().filter(|id| !products.contains(id)).count(), 22);
    assert!(longs(shop.reviews(), "product_id").values().iter().all(|id| products.contains(id)));

    let (buyers, sold) = (counts(users.iter()), counts(ordered.iter().flatten()));
    let never = people.iter().filter(|id| !buyers.contains_key(*id)).count();
    assert!((500..=650).contains(&never), "{never} people never ordered");
    assert_eq!(products.iter().filter(|id| !sold.contains_key(*id)).count(), 7);
}

#[test]
fn orders_and_reviews_of_one_product_multiply() {
    let shop = shop();
    let orders = counts(longs(shop.orders(), "product_id").iter().flatten());
    let reviews = counts(longs(shop.reviews(), "product_id").values().iter().copied());
    let trapped = reviews.iter().filter(|(id, n)| **n >= 10 && orders[*id] >= 150).count();
    assert!(trapped >= 20, "{trapped} products");
    assert!(reviews.len() < 196, "some products have orders, but no review");
}

#[test]
fn reviews_are_kind() {
    let shop = shop();
    let ratings = column::<Int32Type>(shop.reviews(), "rating").values();
    assert!(ratings.iter().all(|rating| (1..=5).contains(rating)));
    let kind = ratings.iter().filter(|rating| **rating >= 4).count() * 100 / ratings.len();
    assert!((60..=85).contains(&kind), "{kind} %");
    assert_eq!(counts(ratings.iter()).len(), 5);
    let silent = texts(shop.reviews(), "body").null_count();
    assert!((10..=60).contains(&silent), "{silent} without text");
}
