//! Opaque queries and continuation tokens: what they give, and that nobody makes one.
#![allow(clippy::string_slice, reason = "base64 and what it is of is ASCII here")]

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbar::{Engine, Model, Principal};
use sandbar_http::{Options, TokenKey};
use serde_json::{Value, json};

use super::{Shop, TEXT, Told, shop};

const REFUSED: &str = "Invalid request: expected a base64-encoded JSON object.";

#[track_caller]
fn refused(told: &Told) {
    let seen = (told.status, told.body.as_str(), told.header("content-type"));
    assert_eq!(seen, (400, REFUSED, TEXT));
    assert_eq!(told.header("x-sandbar-code"), "H0205");
}

fn keyed(engine: Engine, key: u8) -> Router {
    Options::default().token_key(TokenKey::new([key; 32])).router(engine)
}

async fn construct(shop: &Shop, who: &str, body: Value) -> String {
    let told = shop.post(who, "/v1/construct-query", body).await;
    assert_eq!(told.status, 200, "{told:?}");
    told.at("/query").as_str().unwrap().to_owned()
}

async fn execute(shop: &Shop, who: &str, query: &str) -> Told {
    shop.post(who, "/v1/execute", json!({ "query": query })).await
}

async fn next(shop: &Shop, who: &str, token: &str) -> Told {
    shop.post(who, "/v1/query", json!({ "continuation_token": token })).await
}

fn products() -> Value {
    json!({ "table_id": 2, "fields": [{ "field_id": "products:id" }] })
}

#[tokio::test]
async fn what_was_constructed_is_given_back_as_it_came() {
    let shop = Shop::open().await;
    let body = json!({ "metric_id": 105, "limit": 5 });
    let made = shop.post("ana", "/v1/construct-query", body).await;
    assert_eq!(made.at("/warnings").as_array().map(Vec::len), Some(1), "{made:?}");
    let told = shop.post("ana", "/v1/execute", made.at("")).await;
    // All orders of the shop.
    assert_eq!((told.status, told.at("/data/rows")), (202, json!([[18760]])), "{told:?}");
}

#[tokio::test]
async fn a_limit_is_the_size_of_a_page() {
    let shop = Shop::open().await;
    let mut body = products();
    body["limit"] = json!(60);
    let mut told = shop.post("ana", "/v1/query", body).await;
    let mut pages = Vec::new();
    loop {
        assert_eq!((told.status, told.at("/status")), (202, json!("completed")), "{told:?}");
        let rows = told.at("/data/rows");
        pages.push(rows.as_array().unwrap().clone());
        let Some(token) = told.at("/continuation_token").as_str().map(str::to_owned) else { break };
        told = next(&shop, "ana", &token).await;
    }
    // 200 products: three full pages, and what is left.
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [60, 60, 60, 20]);
    let ids: Vec<i64> = pages.concat().iter().map(|row| row[0].as_i64().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "each row once, in order");
}

#[tokio::test]
async fn a_whole_number_of_pages_costs_an_empty_one() {
    let shop = Shop::open().await;
    let mut body = products();
    body["limit"] = json!(100);
    let first = shop.post("ana", "/v1/query", body).await;
    let second = next(&shop, "ana", first.at("/continuation_token").as_str().unwrap()).await;
    assert_eq!((first.at("/row_count"), second.at("/row_count")), (json!(100), json!(100)));
    let third = next(&shop, "ana", second.at("/continuation_token").as_str().unwrap()).await;
    assert_eq!(third.at("/row_count"), 0);
    assert_eq!(third.at("/continuation_token"), Value::Null);
}

#[tokio::test]
async fn pages_have_at_most_two_hundred_rows() {
    let shop = Shop::open().await;
    let orders = json!({ "table_id": 3, "fields": [{ "field_id": "orders:id" }] });
    for (limit, rows, goes_on) in
        [(json!(5), 5, true), (json!(300), 200, true), (json!(null), 200, true)]
    {
        let mut body = orders.clone();
        body["limit"] = limit;
        let told = shop.post("ana", "/v1/query", body).await;
        assert_eq!(told.at("/row_count"), rows);
        assert_eq!(told.at("/continuation_token").is_string(), goes_on);
    }
    // Of a metric too: there is one number, and no more.
    let told = shop.post("ana", "/v1/query", json!({ "metric_id": 101, "limit": 1 })).await;
    assert_eq!(told.at("/row_count"), 1);
    let told = next(&shop, "ana", told.at("/continuation_token").as_str().unwrap()).await;
    assert_eq!((told.at("/row_count"), told.at("/continuation_token")), (json!(0), Value::Null));
    // A host may say less for one answer; pages go on behind it.
    let limits = sandbar::Limits::default().with_rows(10);
    let small = Shop::of(super::shop().limits(limits).build().await.unwrap()).await;
    let mut body = products();
    body["limit"] = json!(15);
    let told = small.post("ana", "/v1/query", body.clone()).await;
    assert_eq!(told.at("/data/rows/9/0"), 10);
    let told = next(&small, "ana", told.at("/continuation_token").as_str().unwrap()).await;
    assert_eq!((told.at("/row_count"), told.at("/data/rows/0/0")), (json!(10), json!(11)));
    let told = small.made("ana", body).await;
    assert_eq!(told.at("/row_count"), 10);
    assert_eq!(told.at("/warnings"), json!(["there are more rows than were given"]));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_says_so() {
    let shop = Shop::open().await;
    let mut body = json!({ "table_id": 3, "fields": [{ "field_id": "orders:id" }] });
    for (limit, cut) in
        [(json!(300), true), (json!(201), true), (json!(200), false), (json!(null), false)]
    {
        body["limit"] = limit.clone();
        let told = shop.made("ana", body.clone()).await;
        assert_eq!(told.at("/row_count"), 200);
        assert_eq!(told.at("/warnings").is_array(), cut, "{limit}: {:?}", told.at("/warnings"));
    }
}

#[tokio::test]
async fn a_token_counts_whatever_stands_beside_it() {
    let shop = Shop::open().await;
    let mut body = products();
    body["limit"] = json!(5);
    let token = shop.post("ana", "/v1/query", body).await.at("/continuation_token");
    let with = |mut beside: Value| {
        beside["continuation_token"] = token.clone();
        beside
    };
    let field = json!({ "field_id": "products:title" });
    for (path, status) in [("/v1/query", 202), ("/query", 200)] {
        // Another question would be meant.
        for beside in [json!({ "table_id": 2 }), json!({ "metric_id": 101 })] {
            let told = shop.post("ana", path, with(beside)).await;
            assert_eq!((told.status, told.header("x-sandbar-code")), (400, "H0201"), "{told:?}");
        }
        // Absent, null and empty are alike; anything else has no effect, and is told.
        for (beside, ignored) in [
            (json!({}), json!(null)),
            (json!({ "table_id": null, "metric_id": null }), json!(null)),
            (json!({ "filters": null, "limit": null }), json!(null)),
            (json!({ "filters": [], "fields": [], "group_by": [] }), json!(null)),
            (
                json!({ "limit": 2, "fields": [field], "order_by": [] }),
                json!([
                    "`fields` has no effect beside `continuation_token`",
                    "`limit` has no effect beside `continuation_token`",
                ]),
            ),
            (
                json!({ "filters": [{ "field_id": "products:id", "operation": "is-null" }] }),
                json!(["`filters` has no effect beside `continuation_token`"]),
            ),
        ] {
            let told = shop.post("ana", path, with(beside.clone())).await;
            assert_eq!(told.status, status, "{path} {beside}: {told:?}");
            assert_eq!(told.at("/data/rows"), json!([[6], [7], [8], [9], [10]]), "{beside}");
            assert_eq!(told.at("/warnings"), ignored, "{path} {beside}");
        }
        // What is read is still looked at.
        let told = shop.post("ana", path, with(json!({ "filter": [] }))).await;
        assert_eq!(told.at("/problems/0/path"), json!("filter"), "{path}: {told:?}");
    }
    let told = shop.post("ana", "/v1/construct-query", with(json!({}))).await;
    assert_eq!(told.status, 400);
}

/// Of an answer in the language of our own nothing could be told of what has no effect.
#[tokio::test]
async fn a_token_of_ours_stands_alone() {
    let shop = Shop::open().await;
    let native = json!({ "table": "products", "fields": ["id"] });
    let token = shop.post("ana", "/query?page_size=5", native).await.at("/continuation_token");
    for (beside, status) in [
        (json!({}), 200),
        (json!({ "table_id": null, "filters": [] }), 200),
        (json!({ "limit": 2 }), 400),
        (json!({ "table": "products" }), 400),
    ] {
        let mut body = beside.clone();
        body["continuation_token"] = token.clone();
        let told = shop.post("ana", "/query", body).await;
        assert_eq!(told.status, status, "{beside}: {told:?}");
        if status == 200 {
            assert_eq!(told.at("/rows"), json!([[6], [7], [8], [9], [10]]), "{beside}");
        }
    }
}

#[tokio::test]
async fn a_query_is_the_base64_of_json() {
    let shop = Shop::open().await;
    let query = construct(&shop, "ana", products()).await;
    let text = STANDARD.decode(query).unwrap();
    assert!(serde_json::from_slice::<Value>(&text).unwrap().is_object());
}

#[tokio::test]
async fn l12_a_changed_query_is_none() {
    let shop = Shop::open().await;
    let query = construct(&shop, "vic", json!({ "table_id": 3 })).await;
    assert_eq!(execute(&shop, "vic", &query).await.status, 202);
    // The asked table, the code, and what is around both.
    let text = String::from_utf8(STANDARD.decode(&query).unwrap()).unwrap();
    let forged = [
        text.replace("orders", "people"),
        text.replace("quantity", "total"),
        text.replace("200", "201"),
        text.replace(r#""code":""#, r#""code":"AAAA"#),
        text.replace(r#","code":""#, r#","kode":""#),
        format!("{{{}", &text[1..text.len() - 1]),
        // What JSON passes over.
        format!(" {text}"),
        format!("{text}\n"),
        text.replace(r#","code""#, r#", "code""#),
        "{}".to_owned(),
        "[]".to_owned(),
        r#"{"text":"","code":""}"#.to_owned(),
        // What Metabase hands out, and a question of the language below.
        r#"{"lib/type":"mbql/query","stages":[{"source-table":1}]}"#.to_owned(),
        r#"{"query":{"table":"people"},"columns":[]}"#.to_owned(),
    ];
    for forged in forged {
        assert_ne!(forged, text);
        refused(&execute(&shop, "vic", &STANDARD.encode(&forged)).await);
    }
    for nothing in ["x", "AAAA", "%", &query[1..], &query[..query.len() - 4]] {
        refused(&execute(&shop, "vic", nothing).await);
    }
}

/// Each character of what is handed out counts, on each path that takes it back: another in its
/// place makes it none. At the end all are tried, since the filling there could hide some bits, or
/// become a blank behind the JSON.
#[tokio::test]
async fn l12_no_character_of_what_is_handed_out_can_be_another() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    // By the host's word, so that nobody counts how often it is asked.
    let ana = Principal::asserted_by_host("ana@shop.test").group("analysts").build().unwrap();
    let app = keyed(shop().build().await.unwrap(), 1).layer(axum::Extension(ana));
    let shop = Shop::bare(app);
    let metric = json!({ "metric_id": 101, "limit": 1 });
    let native = json!({ "table": "products", "fields": ["id"], "order_by": ["title"] });
    let query = construct(&shop, "ana", metric.clone()).await;
    let page = shop.post("ana", "/v1/query", metric).await.at("/continuation_token");
    let own = shop.post("ana", "/query?page_size=3", native).await.at("/continuation_token");
    for (path, member, sealed, status) in [
        ("/v1/execute", "query", json!(query), 202),
        ("/v1/query", "continuation_token", page, 202),
        ("/query", "continuation_token", own, 200),
    ] {
        let sealed = sealed.as_str().unwrap();
        let give = async |sealed: &str| shop.post("ana", path, json!({ member: sealed })).await;
        assert_eq!(give(sealed).await.status, status, "{path}");
        let wanted = give("AAAA").await;
        assert_eq!((wanted.status, wanted.header("x-sandbar-code")), (400, "H0205"));
        let mut tried = 0;
        for at in 0..sealed.len() {
            let others = ALPHABET.chars().filter(|other| !sealed[at..].starts_with(*other));
            let at_each = if at + 4 < sealed.len() { 1 } else { ALPHABET.len() };
            for other in others.take(at_each) {
                let changed = format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]);
                let told = give(&changed).await;
                let seen = (told.status, told.body.as_str());
                assert_eq!(seen, (400, wanted.body.as_str()), "{path}: `{other}` at {at}");
                tried += 1;
            }
        }
        assert!(tried > 300, "{path}: {tried}");
    }
}

/// Of the code every byte is wanted, and no more.
#[tokio::test]
async fn l12_a_part_of_the_code_is_none() {
    let shop = Shop::open().await;
    let query = construct(&shop, "ana", products()).await;
    let envelope: Value = serde_json::from_slice(&STANDARD.decode(query).unwrap()).unwrap();
    let code = STANDARD.decode(envelope["code"].as_str().unwrap()).unwrap();
    // As long as SHA-256 makes it.
    assert_eq!(code.len(), 32);
    let with = |code: &[u8]| {
        let mut envelope = envelope.clone();
        envelope["code"] = json!(STANDARD.encode(code));
        STANDARD.encode(envelope.to_string())
    };
    assert_eq!(execute(&shop, "ana", &with(&code)).await.status, 202);
    for length in [0, 1, 2, 8, 16, 31] {
        refused(&execute(&shop, "ana", &with(&code[..length])).await);
        refused(&execute(&shop, "ana", &with(&code[32 - length..])).await);
    }
    for beside in [0, code[0]] {
        refused(&execute(&shop, "ana", &with(&[&code[..], &[beside][..]].concat())).await);
        refused(&execute(&shop, "ana", &with(&[&[beside][..], &code[..]].concat())).await);
    }
}

#[tokio::test]
async fn l13_a_query_is_for_who_made_it() {
    let shop = Shop::open().await;
    let query = construct(&shop, "ana", products()).await;
    assert_eq!(execute(&shop, "ana", &query).await.status, 202);
    for other in ["wei", "vic", "nia"] {
        refused(&execute(&shop, other, &query).await);
    }
    let mut body = products();
    body["limit"] = json!(3);
    let told = shop.post("wei", "/v1/query", body).await;
    let token = told.at("/continuation_token").as_str().unwrap().to_owned();
    assert_eq!(next(&shop, "wei", &token).await.status, 202);
    refused(&next(&shop, "ana", &token).await);
    // One is not taken for the other.
    refused(&execute(&shop, "wei", &token).await);
    let query = construct(&shop, "wei", products()).await;
    refused(&next(&shop, "wei", &query).await);
}

/// Two people of one group, who see the same: what either is handed is his own.
#[tokio::test]
async fn l13_a_query_is_not_for_others_of_the_same_rights() {
    let engine = shop().build().await.unwrap();
    let of = |subject: &str| {
        let person = Principal::asserted_by_host(subject).group("analysts").build().unwrap();
        let app = keyed(engine.clone(), 1).layer(axum::Extension(person));
        Shop::bare(app)
    };
    let (ana, zoe) = (of("ana@shop.test"), of("zoe@shop.test"));
    let body = json!({ "table_id": 2, "limit": 3 });
    let query = construct(&ana, "ana", body.clone()).await;
    let page = ana.post("ana", "/v1/query", body.clone()).await;
    let same = zoe.post("ana", "/v1/query", body).await;
    assert_eq!((same.status, page.at("/data")), (202, same.at("/data")));
    let token = page.at("/continuation_token").as_str().unwrap().to_owned();
    assert_eq!(execute(&ana, "ana", &query).await.status, 202);
    assert_eq!(next(&ana, "ana", &token).await.status, 202);
    refused(&execute(&zoe, "ana", &query).await);
    refused(&next(&zoe, "ana", &token).await);
    // On the path of our own, in either language.
    let native = json!({ "table": "products", "fields": ["id"] });
    let page = ana.post("ana", "/query?page_size=3", native).await;
    for token in [page.at("/continuation_token"), json!(token)] {
        let body = json!({ "continuation_token": token });
        assert_eq!(ana.post("ana", "/query", body.clone()).await.status, 200);
        let told = zoe.post("ana", "/query", body).await;
        assert_eq!((told.status, told.at("/code")), (400, json!("H0205")), "{told:?}");
    }
}

/// The same person with other attributes, who sees other rows.
#[tokio::test]
async fn l13_a_query_is_for_what_could_be_seen_then() {
    let engine = shop().build().await.unwrap();
    let session = |states: &[&str]| {
        let states: Vec<_> =
            states.iter().map(|state| sandbar::AttributeValue::from(*state)).collect();
        Principal::asserted_by_host("wei@shop.test")
            .group("regional")
            .attribute("states", sandbar::AttributeValue::List(states))
            .build()
            .unwrap()
    };
    let app = |states: &[&str]| keyed(engine.clone(), 1).layer(axum::Extension(session(states)));
    let west = Shop::bare(app(&["CA", "WA"]));
    let east = Shop::bare(app(&["NY"]));
    let made = west.post("wei", "/v1/construct-query", json!({ "metric_id": 109 })).await;
    let query = made.at("/query").as_str().unwrap().to_owned();
    assert_eq!(execute(&west, "wei", &query).await.status, 202);
    refused(&execute(&east, "wei", &query).await);
}

#[tokio::test]
async fn l13_a_query_ends_with_its_model() {
    let engine = shop().build().await.unwrap();
    let shop = Shop::of(engine.clone()).await;
    let query = construct(&shop, "ana", products()).await;
    let model = |text: &str| {
        Model::new()
            .with_model(sandbar_shop::MODEL_NAME, text)
            .with_policies(sandbar_shop::POLICIES_NAME, sandbar_shop::POLICIES)
    };
    // The same model again changes nothing.
    engine.reload(&model(sandbar_shop::MODEL)).await.unwrap();
    assert_eq!(execute(&shop, "ana", &query).await.status, 202);
    let changed = sandbar_shop::MODEL.replace("label: Vendor", "label: Maker");
    engine.reload(&model(&changed)).await.unwrap();
    refused(&execute(&shop, "ana", &query).await);
}

/// What turns pages is looked at anew for each: after a reload that takes the policy, or the right
/// of its group, or some of the rows, there is no next page.
#[tokio::test]
async fn l13_a_page_ends_with_the_right_to_it() {
    let engine = shop().build().await.unwrap();
    let shop = Shop::of(engine.clone()).await;
    let reload = async |policies: &str| {
        let model = Model::new()
            .with_model(sandbar_shop::MODEL_NAME, sandbar_shop::MODEL)
            .with_policies(sandbar_shop::POLICIES_NAME, policies);
        engine.reload(&model).await.unwrap();
    };
    let body = json!({ "table_id": 2, "limit": 3 });
    let page = shop.post("wei", "/v1/query", body).await.at("/continuation_token");
    let native = json!({ "table": "products", "fields": ["id"] });
    let own = shop.post("wei", "/query?page_size=3", native).await.at("/continuation_token");
    let (page, own) = (page.as_str().unwrap(), own.as_str().unwrap());
    // On the path of our own, in either language.
    let next_own = async |token: &str| {
        shop.post("wei", "/query", json!({ "continuation_token": token })).await
    };
    let all = sandbar_shop::POLICIES;
    let (before, rest) = all.split_once("  regional_products:\n").unwrap();
    let (own_policy, after) = rest.split_once("\n\n").unwrap();
    let with = |policy: String| format!("{before}{policy}\n\n{after}");
    let named = format!("  regional_products:\n{own_policy}");
    let narrowed = own_policy.replace("states) or true", "states) or id > 100");
    let elsewhere = own_policy.replace("[regional]", "[analysts]");
    assert!(narrowed != own_policy && elsewhere != own_policy);
    for taken in [
        with(String::new()),
        with(format!("  regional_products:\n{elsewhere}")),
        with(format!("  regional_products:\n{narrowed}")),
        format!("{all}\n  no_products: {{ groups: [regional], deny: {{ tables: [products] }} }}\n"),
    ] {
        assert_eq!(next(&shop, "wei", page).await.status, 202);
        for token in [page, own] {
            assert_eq!(next_own(token).await.status, 200);
        }
        reload(&taken).await;
        refused(&next(&shop, "wei", page).await);
        for token in [page, own] {
            let told = next_own(token).await;
            assert_eq!((told.status, told.at("/code")), (400, json!("H0205")), "{told:?}");
        }
        // With the right come the pages back.
        reload(&with(named.clone())).await;
    }
}

#[tokio::test]
async fn a_key_belongs_to_a_router_unless_the_host_has_one() {
    let engine = shop().build().await.unwrap();
    let (one, other) = (Shop::of(engine.clone()).await, Shop::of(engine.clone()).await);
    let query = construct(&one, "ana", products()).await;
    refused(&execute(&other, "ana", &query).await);
    let one = Shop::at(keyed(engine.clone(), 7)).await;
    let query = construct(&one, "ana", products()).await;
    let same = Shop::at(keyed(engine.clone(), 7)).await;
    assert_eq!(execute(&same, "ana", &query).await.status, 202);
    refused(&execute(&Shop::at(keyed(engine, 8)).await, "ana", &query).await);
    assert_eq!(format!("{:?}", TokenKey::new([7; 32])), "TokenKey(…)");
}

#[tokio::test]
async fn what_fails_on_the_way_is_told_in_the_body() {
    let limits = sandbar::Limits::default().with_joined_rows(10);
    let shop = Shop::of(shop().limits(limits).build().await.unwrap()).await;
    let body = json!({
        "table_id": 3,
        "aggregations": [{ "function": "count" }],
        "group_by": [{ "field_id": "orders:product.category" }],
    });
    for told in [shop.post("ana", "/v1/query", body.clone()).await, shop.made("ana", body).await] {
        assert_eq!((told.status, told.at("/status")), (202, json!("failed")), "{told:?}");
        assert_eq!(told.at("/code"), "E0309");
        assert_eq!(told.at("/row_count"), 0);
        assert_eq!(told.header("content-type"), "application/json");
        assert!(told.at("/error").as_str().is_some_and(|error| !error.is_empty()));
    }
}
