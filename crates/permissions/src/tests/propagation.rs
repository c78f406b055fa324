//! Rows that go with hidden rows: `propagate` of grants and restrictions.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use sandbar_catalog::{Definitions, FieldPath, Reads, Snapshot, SourceSchemas, SourceText};

use super::text::rows;
use super::world::{table, who};
use crate::{
    Administrator, GrantDef, Grants, Level, PolicyDefinitions, PolicyFile, PolicySet, PropagateDef,
    RestrictDef,
};

const MODEL: &str = "
tables:
  regions: {primary_key: [id], fields: {id: {}, name: {}}}
  people:
    primary_key: [id]
    fields: {id: {}, name: {}, region_id: {}, rank: {}}
    relationships: {region: {to: regions, on: {region_id: id}, cardinality: many_to_one}}
  orders:
    primary_key: [id]
    fields: {id: {}, user_id: {}, giver_id: {}, paid: {}}
    relationships:
      customer: {to: people, on: {user_id: id}, cardinality: many_to_one}
      giver: {to: people, on: {giver_id: id}, cardinality: many_to_one}
      items: {to: items, on: {id: order_id}, cardinality: one_to_many}
  items:
    primary_key: [order_id, line]
    fields: {order_id: {}, line: {}, price: {}}
    relationships: {order: {to: orders, on: {order_id: id}, cardinality: many_to_one}}
  returns:
    primary_key: [id]
    fields: {id: {}, order_id: {}, line: {}}
    relationships:
      item: {to: items, on: {order_id: order_id, line: line}, cardinality: many_to_one}
  buyers:
    query: {table: orders, group_by: [user_id], aggregations: [{function: count, as: count}]}
    primary_key: [user_id]
    fields: {user_id: {type: integer}, count: {type: integer}}
    relationships: {person: {to: people, on: {user_id: id}, cardinality: one_to_one}}
";

const DECLARATIONS: &str = "
attributes: {rank: {type: integer}, names: {type: text, list: true}}
groups: {a: {}, b: {}}
policies:
";

fn snapshot() -> Arc<Snapshot> {
    let mut sources = SourceSchemas::new();
    for (name, columns) in [
        ("regions", "id name"),
        ("people", "id name region_id rank"),
        ("orders", "id user_id giver_id paid"),
        ("items", "order_id line price"),
        ("returns", "id order_id line"),
    ] {
        let field = |name: &str| {
            let data_type = match name {
                "name" => DataType::Utf8,
                "paid" => DataType::Boolean,
                _ => DataType::Int64,
            };
            Field::new(name, data_type, true)
        };
        let fields: Vec<Field> = columns.split(' ').map(field).collect();
        sources = sources.with(name, Arc::new(Schema::new(fields)), format!("memory:{name}"));
    }
    let definitions = Definitions::from_yaml_str("model.yaml", MODEL);
    let mut snapshot = definitions.check(&sources).unwrap_or_else(|report| panic!("{report}"));
    // What the planner finds out of the derived table.
    let of = |name: &str| snapshot.find_table(name).unwrap();
    let key = snapshot.resolve_field(of("orders"), &["user_id"]).unwrap().field;
    let (tables, fields, origins) = (vec![of("orders")], vec![key], vec![vec![key], Vec::new()]);
    let reads = Reads { tables, fields, origins, ..Reads::default() };
    snapshot.set_derived(of("buyers"), reads, &[DataType::Int64, DataType::Int64]);
    Arc::new(snapshot)
}

fn set(snapshot: &Snapshot, lines: &[&str]) -> Arc<PolicySet> {
    let mut text = DECLARATIONS.to_owned();
    for (index, line) in lines.iter().enumerate() {
        text.push_str(&format!("  p{index}: {{{line}}}\n"));
    }
    let definitions = PolicyDefinitions::from_yaml([SourceText::new("policies.yaml", text)]);
    Arc::new(definitions.check(snapshot).unwrap_or_else(|report| panic!("{report}")))
}

/// What somebody sees who is in some groups and has these attributes.
fn grants(lines: &[&str], groups: &str, rank: Option<i64>) -> Grants {
    let snapshot = snapshot();
    let attributes: Vec<_> = rank.iter().map(|rank| ("rank", (*rank).into())).collect();
    set(&snapshot, lines).grants(&snapshot, &who(groups, &attributes))
}

#[test]
fn a_derived_table_and_its_fields_go_as_far_as_what_they_are_made_of() {
    let buyers = "groups: [a], grant: {tables: [buyers]}";
    for (orders, expected) in [
        ("groups: [a], grant: {tables: [orders]}", Level::Query),
        ("groups: [a], grant: {tables: [orders], level: describe}", Level::Describe),
        ("groups: [a], grant: {tables: [people]}", Level::None),
    ] {
        let grants = grants(&[buyers, orders], "a", None);
        let table = grants.snapshot().find_table("buyers").unwrap();
        let field = grants.snapshot().table(table).fields.first().unwrap().id;
        let found = (grants.table_level(table), grants.field_level(&FieldPath::own(field)));
        assert_eq!(found, (expected, expected), "{orders}");
    }
}

/// The rows of a table that somebody in group `a` sees whose rank is 3.
#[track_caller]
fn check(lines: &[&str], of: &str, expected: &str) {
    check_of(lines, "a", Some(3), of, expected);
}

#[track_caller]
fn check_of(lines: &[&str], groups: &str, rank: Option<i64>, of: &str, expected: &str) {
    assert_eq!(rows(&grants(lines, groups, rank), of), expected, "{lines:?}");
}

const ALL: &str = "groups: [a], grant: {tables: [regions, people, orders, items, returns, buyers]}";
const LOW: &str = "restrict: {tables: [people], rows: rank < 3, propagate: [orders.customer]}";
const LOW_ALL: &str = "restrict: {tables: [people], rows: rank < 3, propagate: true}";

#[test]
fn rows_go_with_the_row_that_they_belong_to() {
    check(&[ALL, LOW], "people", "rank < 3");
    check(&[ALL, LOW], "orders", "(user_id is null or customer[rank < 3])");
    check(&[ALL, LOW], "items", "everything");
    let grant = "groups: [a], grant: {tables: [people], rows: rank = attribute.rank, propagate: \
                 [orders.customer]}";
    let others = "groups: [a], grant: {tables: [orders, items]}";
    check(&[grant, others], "orders", "(user_id is null or customer[rank = 3])");
    check(&[grant, others], "items", "everything");
}

#[test]
fn without_propagate_they_stay() {
    for propagate in ["", ", propagate: false"] {
        let low = format!("restrict: {{tables: [people], rows: rank < 3{propagate}}}");
        check(&[ALL, &low], "people", "rank < 3");
        check(&[ALL, &low], "orders", "everything");
    }
}

#[test]
fn everywhere_is_every_relationship_however_far() {
    let both =
        "((user_id is null or customer[rank < 3]) and (giver_id is null or giver[rank < 3]))";
    let orders =
        "(user_id is null or customer[rank < 3]) and (giver_id is null or giver[rank < 3])";
    check(&[ALL, LOW_ALL], "orders", both);
    let items = format!("(order_id is null or order[({orders})])");
    check(&[ALL, LOW_ALL], "items", &items);
    check(
        &[ALL, LOW_ALL],
        "returns",
        &format!("(order_id is null or line is null or item[{items}])"),
    );
    // Rows of a derived table are made of those that are left of the tables below it.
    check(&[ALL, LOW_ALL], "buyers", "everything");
    check(&[ALL, LOW_ALL], "regions", "everything");
}

#[test]
fn a_list_goes_on_over_what_it_names() {
    let low =
        "restrict: {tables: [people], rows: rank < 3, propagate: [items.order, orders.giver]}";
    check(&[ALL, low], "orders", "(giver_id is null or giver[rank < 3])");
    check(
        &[ALL, low],
        "items",
        "(order_id is null or order[(giver_id is null or giver[rank < 3])])",
    );
    check(&[ALL, low], "returns", "everything");
}

#[test]
fn it_is_added_to_what_else_narrows_the_rows() {
    let paid = "restrict: {tables: [orders], rows: paid}";
    check(&[ALL, LOW, paid], "orders", "(paid and (user_id is null or customer[rank < 3]))");
    let first = "groups: [a], grant: {tables: [orders], rows: id < 1}";
    let second = "groups: [a], grant: {tables: [orders], rows: id > 9}";
    let people = "groups: [a], grant: {tables: [people]}";
    check(
        &[first, second, people, LOW],
        "orders",
        "((id < 1 or id > 9) and (user_id is null or customer[rank < 3]))",
    );
}

#[test]
fn the_row_above_is_shown_by_any_grant() {
    let low =
        "groups: [a], grant: {tables: [people], rows: rank < 3, propagate: [orders.customer]}";
    let high = "groups: [a], grant: {tables: [people], rows: rank > 8}";
    let orders = "groups: [a], grant: {tables: [orders]}";
    check(&[low, high, orders], "orders", "(user_id is null or customer[(rank < 3 or rank > 8)])");
    // Where every row is shown it has to be there.
    check(&[low, ALL], "orders", "(user_id is null or customer[true])");
    // Also what other policies restrict is hidden.
    let named = "restrict: {tables: [people], rows: \"name = 'Ada'\"}";
    check(
        &[low, orders, named],
        "orders",
        "(user_id is null or customer[(rank < 3 and name = 'Ada')])",
    );
}

#[test]
fn it_concerns_whom_the_policy_concerns() {
    let low = "groups: [b], restrict: {tables: [people], rows: rank < 3, propagate: true}";
    check(&[ALL, low], "orders", "everything");
    check_of(
        &[ALL, low],
        "a b",
        None,
        "items",
        "(order_id is null or order[((user_id is null or customer[rank < 3]) and (giver_id is null or giver[rank < 3]))])",
    );
    let nobody = &[ALL, LOW][..];
    check_of(nobody, "b", None, "orders", "Absent");
    let snapshot = snapshot();
    let admin = set(&snapshot, &[ALL, LOW]).all(&snapshot, &Administrator::asserted_by_host());
    assert_eq!(rows(&admin, "orders"), "everything");
}

/// Doubt hides: whoever sees no row above sees only what belongs to none.
#[test]
fn what_cannot_be_queried_above_leaves_what_belongs_to_nothing() {
    let orders = "groups: [a], grant: {tables: [orders, items]}";
    check(&[orders, LOW], "orders", "user_id is null");
    check(&[ALL, LOW, "deny: {tables: [people]}"], "orders", "user_id is null");
    let described = "groups: [a], grant: {tables: [people], level: describe}";
    check(&[orders, described, LOW], "orders", "user_id is null");
    check(&[orders, described, LOW], "people", "DescribeOnly");
    let ranked = "groups: [a], grant: {tables: [people], rows: rank = attribute.rank, propagate: \
                  [orders.customer]}";
    check_of(&[orders, ranked], "a", None, "orders", "user_id is null");
    check_of(&[orders, ranked], "a", None, "people", "MissingAttribute(\"rank\")");
    let restricted = "restrict: {tables: [people], rows: rank = attribute.rank, propagate: \
                      [orders.customer]}";
    check_of(&[ALL, restricted], "a", None, "orders", "user_id is null");
    check_of(&[ALL, restricted], "a", None, "people", "never");
    let deep =
        "restrict: {tables: [people], rows: rank < 3, propagate: [orders.customer, items.order]}";
    check(&[orders, deep], "items", "(order_id is null or order[user_id is null])");
}

/// An attribute that is missing takes nothing of what hides rows.
#[test]
fn a_void_grant_propagates_all_the_same() {
    let ranked = "groups: [a], grant: {tables: [people], rows: rank = attribute.rank, propagate: \
                  [orders.customer]}";
    check_of(&[ALL, ranked], "a", None, "orders", "(user_id is null or customer[true])");
    check_of(&[ALL, ranked], "a", Some(3), "orders", "(user_id is null or customer[true])");
}

#[test]
fn tables_on_the_way_add_their_own_rules_where_they_propagate_too() {
    let paid = "restrict: {tables: [orders], rows: paid, propagate: true}";
    let people =
        "(user_id is null or customer[rank < 3]) and (giver_id is null or giver[rank < 3])";
    let orders = format!("(paid and {people})");
    check(&[ALL, LOW_ALL, paid], "orders", &orders);
    // Once, and not again for the people above.
    let items = format!("(order_id is null or order[{orders}])");
    check(&[ALL, LOW_ALL, paid], "items", &items);
    check(
        &[ALL, LOW_ALL, paid],
        "returns",
        &format!(
            "((order_id is null or line is null or item[(order_id is null or order[({people})])]) \
             and (order_id is null or line is null or item[{items}]))"
        ),
    );
    // Where they do not, whether they are shown is their own matter.
    let paid = "restrict: {tables: [orders], rows: paid}";
    check(&[ALL, LOW_ALL, paid], "items", &format!("(order_id is null or order[({people})])"));
    // What is shown of the row above goes by the rows above that.
    let regions = "restrict: {tables: [regions], rows: id < 9, propagate: [people.region]}";
    let above = "(rank < 3 and (region_id is null or region[id < 9]))";
    check(&[ALL, LOW, regions], "people", above);
    check(&[ALL, LOW, regions], "orders", &format!("(user_id is null or customer[{above}])"));
}

#[test]
fn keys_tell_of_it() {
    let of = |lines: &[&str]| {
        let grants = grants(lines, "a", Some(3));
        (grants.shape(), grants.effective())
    };
    let plain = "restrict: {tables: [people], rows: rank < 3}";
    let all = [of(&[ALL, plain]), of(&[ALL, LOW]), of(&[ALL, LOW_ALL])];
    for (index, left) in all.iter().enumerate() {
        for right in &all[index + 1..] {
            assert!(left.0 != right.0 && left.1 != right.1);
        }
    }
    assert_eq!(of(&[ALL, LOW]), of(&[ALL, LOW]));
}

#[test]
fn an_administrator_is_told_where_it_comes_from() {
    let ranked = "groups: [a], grant: {tables: [people], rows: rank = attribute.rank, propagate: \
                  true}";
    let lines = [ALL, ranked, LOW];
    let told = |rank: Option<i64>, of: &str| {
        let grants = grants(&lines, "a", rank);
        let applied = grants.applied(table(&grants, of), &Administrator::asserted_by_host());
        let told = applied.into_iter().map(|policy| {
            let rows = policy.rows.as_deref().unwrap_or("-").to_owned();
            let void = if policy.void { " void" } else { "" };
            format!("{} {} {} {rows}{void}", policy.effect, policy.name, policy.origin)
        });
        told.collect::<Vec<_>>()
    };
    let all = "grant p0 policies.yaml:5 -";
    assert_eq!(
        told(Some(3), "orders"),
        [
            all,
            "propagate p1 policies.yaml:6 rank = attribute.rank",
            "propagate p2 policies.yaml:7 rank < 3",
        ]
    );
    assert_eq!(
        told(None, "items"),
        [all, "propagate p1 policies.yaml:6 rank = attribute.rank void"]
    );
    assert_eq!(told(None, "regions"), [all]);
}

/// What a change of policies does to the rows of tables, for group `a`.
#[track_caller]
fn check_diff(before: &[&str], after: &[&str], expected: &str) {
    let snapshot = snapshot();
    let (before, after) = (set(&snapshot, before), set(&snapshot, after));
    let told = before.diff(&after, &snapshot, &Administrator::asserted_by_host()).to_string();
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("table")).collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn a_change_of_policies_tells_of_it() {
    let plain = "restrict: {tables: [people], rows: rank < 3}";
    check_diff(
        &[ALL, plain],
        &[ALL, LOW],
        "  - table orders: rows every row → (customer missing or shown: (rank < 3))",
    );
    check_diff(
        &[ALL, LOW],
        &[ALL, plain],
        "  + table orders: rows (customer missing or shown: (rank < 3)) → every row",
    );
    check_diff(
        &[ALL, plain],
        &[
            ALL,
            "restrict: {tables: [people], rows: rank < 3, propagate: [orders.giver, items.order]}",
        ],
        "  - table orders: rows every row → (giver missing or shown: (rank < 3))\n  \
         - table items: rows every row → (order.giver missing or shown: (rank < 3))",
    );
    // Other rows above are other rows below.
    let high = "restrict: {tables: [people], rows: rank > 8, propagate: [orders.customer]}";
    check_diff(
        &[ALL, LOW],
        &[ALL, high],
        "  ~ table people: rows (rank < 3) → (rank > 8)\n  ~ table orders: rows (customer missing or \
         shown: (rank < 3)) → (customer missing or shown: (rank > 8))",
    );
    check_diff(&[ALL, LOW, plain], &[ALL, plain, LOW], "");
    // Whether one grant lacks an attribute or both do.
    let two = [
        "groups: [a], grant: {tables: [people], rows: rank = attribute.rank, propagate: true}",
        "groups: [a], grant: {tables: [people], rows: name in (attribute.names)}",
        "groups: [a], grant: {tables: [orders]}",
    ];
    let one = [
        "groups: [a], grant: {tables: [people], rows: rank = attribute.rank or name in \
         (attribute.names), propagate: [orders.customer, orders.giver, items.order, returns.item]}",
        "groups: [a], grant: {tables: [orders]}",
    ];
    let snapshot = snapshot();
    let told = set(&snapshot, &two).diff(
        &set(&snapshot, &one),
        &snapshot,
        &Administrator::asserted_by_host(),
    );
    assert!(told.to_string().contains("~ table orders: rows"), "{told}");
}

#[test]
fn coverage_knows_that_it_has_an_effect() {
    let useless = |lines: &[&str]| {
        let snapshot = snapshot();
        let coverage =
            set(&snapshot, lines).coverage(&snapshot, &Administrator::asserted_by_host());
        let found = coverage.findings.into_iter().filter(|finding| finding.detail.is_some());
        let found = found.filter(|finding| finding.kind.name() == "no_effect");
        found.map(|finding| finding.subject).collect::<Vec<_>>()
    };
    let orders = "groups: [a], grant: {tables: [orders]}";
    assert_eq!(useless(&[orders, "restrict: {tables: [people], rows: rank < 3}"]), ["p1"]);
    assert!(useless(&[orders, LOW]).is_empty());
    assert_eq!(useless(&[ALL, "restrict: {tables: [people], rows: 'true'}"]), ["p1"]);
    assert!(
        useless(&[ALL, "restrict: {tables: [people], rows: 'true', propagate: true}"]).is_empty()
    );
    let grant = "groups: [a], grant: {tables: [people], propagate: true}";
    assert!(useless(&[ALL, grant]).is_empty());
}

#[test]
fn policies_built_in_rust_say_it_too() {
    let snapshot = snapshot();
    let file = PolicyFile::new()
        .group("a")
        .grant("all", "a", GrantDef::table("orders").and_table("items"))
        .grant("people", "a", GrantDef::table("people").propagate(PropagateDef::Everywhere))
        .restriction(
            "low",
            RestrictDef::table("people", "rank < 3")
                .propagate(PropagateDef::over(&["orders.customer"])),
        )
        .restriction("paid", RestrictDef::table("orders", "paid").propagate(PropagateDef::Nowhere));
    let set = Arc::new(PolicyDefinitions::new(file).check(&snapshot).unwrap());
    let grants = set.grants(&snapshot, &who("a", &[]));
    let people =
        "(user_id is null or customer[rank < 3]) and (giver_id is null or giver[rank < 3])";
    assert_eq!(rows(&grants, "items"), format!("(order_id is null or order[({people})])"));
    assert_eq!(rows(&grants, "orders"), format!("(paid and {people})"));
}

/// What two tables over one source are told under some policies.
fn shared(propagate: &str) -> String {
    let schema = |names: &[&str]| {
        let fields = names.iter().map(|name| Field::new(*name, DataType::Int64, true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    };
    let sources = SourceSchemas::new()
        .with("orders", schema(&["id", "user_id", "giver_id"]), "memory:orders")
        .with("people", schema(&["id"]), "memory:people");
    let table = |name: &str, key: &str| {
        format!(
            "  {name}:\n    source: orders\n    fields: {{id: {{}}, {key}: {{}}}}\n    \
             relationships: {{person: {{to: people, on: {{{key}: id}}, cardinality: many_to_one}}}}\n"
        )
    };
    let [first, second, third] =
        [table("first", "user_id"), table("second", "user_id"), table("third", "giver_id")];
    let third = if propagate.contains("third") { third } else { String::new() };
    let people = "  people: {primary_key: [id], fields: {id: {}}}\n";
    let model = format!("tables:\n{first}{second}{third}{people}");
    let snapshot = Definitions::from_yaml_str("model.yaml", &model).check(&sources).unwrap();
    let all = format!(
        "{DECLARATIONS}  low: {{restrict: {{tables: [people], rows: id < 3, propagate: {propagate}}}}}"
    );
    let policies = PolicyDefinitions::from_yaml([SourceText::new("policies.yaml", all)]);
    match policies.check(&snapshot) {
        Ok(_) => String::new(),
        Err(report) => report.to_string(),
    }
}

/// What is hidden in one table must not be read through another over the same source.
#[test]
fn tables_over_one_source_are_narrowed_alike() {
    assert_eq!(shared("[first.person, second.person]"), "");
    assert!(shared("[first.person]").contains("P0113 tables `first`"));
    assert_eq!(shared("true"), "");
    // By other keys they are not.
    assert!(shared("[first.person, second.person, third.person]").contains("P0113 tables `first`"));
}
