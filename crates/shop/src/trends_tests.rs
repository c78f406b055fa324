//! What the documents, examples and golden tests may rely on: the course of time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use arrow::array::Array;
use arrow::datatypes::{Date32Type, Int32Type};

use crate::calendar::{DAY_MICROS, day_of};
use crate::testing::{cents, column, longs, moments, shop, texts};
use crate::{ANCHOR, FIRST_DAY, PRICE_STEP, Shop, civil, day};

#[test]
fn nothing_happens_before_its_time() {
    let shop = shop();
    let (orders, reviews) = (shop.orders(), shop.reviews());
    let (signups, launches) = (moments(shop.people()), moments(shop.products()));
    for batch in [orders, reviews] {
        let all = moments(batch);
        assert!(all.is_sorted());
        assert!(all.iter().all(|&at| (FIRST_DAY..=ANCHOR).contains(&day_of(at))));
    }
    let known = |at: i64, since: &[i64], id: Option<i64>| {
        let since = id.and_then(|id| since.get(usize::try_from(id - 1).unwrap()));
        since.is_none_or(|&since| since <= at)
    };
    for (row, &at) in moments(orders).iter().enumerate() {
        assert!(known(at, signups, Some(longs(orders, "user_id").value(row))), "order {row}");
        let products = longs(orders, "product_id");
        // Withdrawn products are not in the table, so they have no launch.
        assert!(known(at, launches, products.is_valid(row).then(|| products.value(row))));
    }
    for (row, &at) in moments(reviews).iter().enumerate() {
        assert!(known(at, launches, Some(longs(reviews, "product_id").value(row))));
    }
}

#[test]
fn every_quarter_has_orders() {
    let shop = shop();
    let mut quarters = BTreeMap::new();
    for &moment in moments(shop.orders()) {
        let (year, month, _) = civil(day_of(moment));
        *quarters.entry((year, month.div_ceil(3))).or_insert(0) += 1;
    }
    let (keys, rows): (Vec<_>, Vec<_>) = quarters.into_iter().unzip();
    assert_eq!((keys.len(), keys[0], keys[15]), (16, (2022, 3), (2026, 2)));
    assert_eq!(
        rows,
        [493, 769, 560, 766, 788, 1239, 878, 1099, 1099, 1652, 1131, 1428, 1492, 2130, 1406, 1830]
    );
}

#[test]
fn quantities_follow_the_season() {
    let shop = shop();
    let quantities = column::<Int32Type>(shop.orders(), "quantity").values();
    let mean = |wanted: u32| {
        let of_month = moments(shop.orders())
            .iter()
            .zip(quantities)
            .filter(|(at, quantity)| civil(day_of(**at)).1 == wanted && **quantity < 100);
        let (sum, n) = of_month.fold((0, 0), |(sum, n), (_, quantity)| (sum + quantity, n + 1));
        f64::from(sum) / f64::from(n)
    };
    assert!(mean(12) > 2.0 * mean(1), "{} {}", mean(12), mean(1));
    assert!(mean(7) > 1.2 * mean(6), "{} {}", mean(7), mean(6));
    let bulk = quantities.iter().filter(|quantity| **quantity >= 100).count();
    assert!((5..=25).contains(&bulk), "{bulk} outliers");
    assert!(quantities.iter().all(|quantity| (1..160).contains(quantity)));
}

/// Price paid by today's list price, in days `from..to`: mean and mean square deviation.
fn price_ratio(shop: &Shop, from: i32, to: i32) -> (f64, f64) {
    let orders = shop.orders();
    let lists = cents(shop.products(), "price").values();
    let mut ratios = Vec::new();
    for (row, product) in longs(orders, "product_id").iter().enumerate() {
        let list = product.and_then(|id| lists.get(usize::try_from(id - 1).unwrap()));
        let within = (from..to).contains(&day_of(moments(orders)[row]));
        if let (Some(&list), true) = (list, within) {
            let pieces = i128::from(column::<Int32Type>(orders, "quantity").value(row));
            ratios.push(cents(orders, "subtotal").value(row) as f64 / (pieces * list) as f64);
        }
    }
    let n = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    (mean, ratios.iter().map(|ratio| (ratio - mean) * (ratio - mean)).sum::<f64>() / n)
}

#[test]
fn prices_step_up_once_and_scatter_ever_more() {
    let shop = shop();
    let (before, _) = price_ratio(&shop, PRICE_STEP - 90, PRICE_STEP);
    let (after, _) = price_ratio(&shop, PRICE_STEP, PRICE_STEP + 90);
    assert!((0.86..0.88).contains(&before) && (0.99..1.01).contains(&after), "{before} {after}");
    let variances: Vec<f64> = (0..8)
        .map(|half| FIRST_DAY + half * 182)
        .map(|from| price_ratio(&shop, from, from + 60).1)
        .collect();
    assert!(variances.is_sorted() && variances[7] > 20.0 * variances[0], "{variances:?}");
}

#[test]
fn revenue_of_the_last_quarter_by_category() {
    let shop = shop();
    let orders = shop.orders();
    let (from, to) = (day(2026, 4, 1).unwrap(), day(2026, 7, 1).unwrap());
    let (products, categories) = (longs(orders, "product_id"), texts(shop.products(), "category"));
    let mut revenue: BTreeMap<Option<&str>, (i32, i128, i128)> = BTreeMap::new();
    for (row, &moment) in moments(orders).iter().enumerate() {
        if (from..to).contains(&day_of(moment)) {
            let product = products.is_valid(row).then(|| products.value(row));
            let product = product.map(|id| usize::try_from(id - 1).unwrap());
            let category = product.filter(|at| *at < 200).map(|at| categories.value(at));
            let sums = revenue.entry(category).or_default();
            sums.0 += 1;
            sums.1 += cents(orders, "subtotal").value(row);
            sums.2 += cents(orders, "total").value(row);
        }
    }
    // Orders, subtotal and total in cents.
    let expected = [
        (None, (5, 120_439, 126_415)),
        (Some("Doohickey"), (387, 6_786_540, 7_070_414)),
        (Some("Gadget"), (439, 8_666_809, 9_018_453)),
        (Some("Gizmo"), (567, 11_395_645, 11_876_034)),
        (Some("Widget"), (432, 8_186_384, 8_558_599)),
    ];
    assert_eq!(revenue, BTreeMap::from(expected));
}

#[test]
fn another_today_moves_every_date_and_nothing_else() {
    let (shop, moved) = (shop(), Shop::with_today(ANCHOR + 101).unwrap());
    assert_eq!(moved.today() - shop.today(), 100);
    for ((name, batch), (_, later)) in shop.tables().zip(moved.tables()) {
        let expected: Vec<_> = moments(batch).iter().map(|at| at + 100 * DAY_MICROS).collect();
        assert_eq!(moments(later), expected, "{name}");
        for (at, field) in batch.schema().fields().iter().enumerate() {
            if !["birth_date", "created_at"].contains(&field.name().as_str()) {
                assert_eq!(batch.column(at), later.column(at), "{name}.{}", field.name());
            }
        }
    }
    let births = |shop: &Shop| column::<Date32Type>(shop.people(), "birth_date").clone();
    let days = births(&shop).iter().map(|d| d.map(|d| d + 100)).collect::<Vec<_>>();
    assert_eq!(births(&moved).iter().collect::<Vec<_>>(), days);
    assert!(Shop::with_today(i32::MAX).is_err());
}
