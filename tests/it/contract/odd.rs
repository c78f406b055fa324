//! Bodies that are almost right: whatever comes, the door says what is wrong with it and stands.

use serde_json::{Value, json};

use super::Shop;

/// A generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// Another value at some place of a body.
fn changed(value: &mut Value, random: &mut Random) {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(9_007_199_254_740_993_u64),
        json!(u64::MAX),
        json!(""),
        json!("t3-1"),
        json!("9999-12-31"),
        json!("2026-02-30"),
        json!("%'\"\\\u{0}"),
        json!([]),
        json!({}),
        json!([[]]),
        json!("count"),
    ];
    let inside = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    if inside == 0 || random.below(3) == 0 {
        *value = odd[random.below(odd.len())].clone();
        return;
    }
    let at = random.below(inside);
    match value {
        Value::Array(items) => changed(&mut items[at], random),
        Value::Object(members) => {
            let key = members.keys().nth(at).unwrap().clone();
            if random.below(6) == 0 {
                let moved = members.remove(&key).unwrap();
                members.insert(format!("{key}s"), moved);
            } else {
                changed(&mut members[&key], random);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_body_is_a_failure_of_this_side() {
    let shop = Shop::open().await;
    let path = sandbar_testkit::fixture("contract/answers.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut random = Random(7);
    let (mut refused, mut made) = (0, 0);
    for round in 0..600 {
        let mut body = shop.filled(&cases[random.below(cases.len())]["body"]);
        for _ in 0..random.below(3) {
            changed(&mut body, &mut random);
        }
        let who = ["ana", "vic"][round % 2];
        let told = shop.text(who, "/v1/construct-query", &body.to_string()).await;
        assert!(told.status < 500, "{body}: {told:?}");
        let own = shop.text(who, "/explain", &body.to_string()).await;
        assert!(own.status < 500, "{body}: {own:?}");
        if told.status == 200 { made += 1 } else { refused += 1 }
    }
    assert!(refused > 200 && made > 20, "{refused} refused, {made} made");
}
