//! The star schema benchmark: the model, the policies and the questions, and the SQL that makes the
//! star of the tables of TPC-H.
//!
//! Names and the shapes of values are those of SSB, the sizes of the dimensions those of TPC-H. This
//! module holds texts only; `fixtures/ssb` has the SQL that says the same as the questions, and the
//! answers.

/// The model of the five tables: sources by table name, batches given by the host.
pub const MODEL: &str = include_str!("../../fixtures/ssb/model.yaml");

/// The policies: one group, `analysts`, that sees everything.
pub const POLICIES: &str = include_str!("../../fixtures/ssb/policies.yaml");

/// The tables of the star, each with the SQL that makes it of the tables of TPC-H.
pub const STAR: [(&str, &str); 5] = [
    ("dates", include_str!("../../fixtures/ssb/star/dates.sql")),
    ("supplier", include_str!("../../fixtures/ssb/star/supplier.sql")),
    ("customer", include_str!("../../fixtures/ssb/star/customer.sql")),
    ("part", include_str!("../../fixtures/ssb/star/part.sql")),
    ("lineorder", include_str!("../../fixtures/ssb/star/lineorder.sql")),
];

/// The questions, by the number of the SSB query, in the JSON query language.
pub const QUERIES: [(&str, &str); 13] = [
    ("q1.1", include_str!("../../fixtures/ssb/queries/q1.1.json")),
    ("q1.2", include_str!("../../fixtures/ssb/queries/q1.2.json")),
    ("q1.3", include_str!("../../fixtures/ssb/queries/q1.3.json")),
    ("q2.1", include_str!("../../fixtures/ssb/queries/q2.1.json")),
    ("q2.2", include_str!("../../fixtures/ssb/queries/q2.2.json")),
    ("q2.3", include_str!("../../fixtures/ssb/queries/q2.3.json")),
    ("q3.1", include_str!("../../fixtures/ssb/queries/q3.1.json")),
    ("q3.2", include_str!("../../fixtures/ssb/queries/q3.2.json")),
    ("q3.3", include_str!("../../fixtures/ssb/queries/q3.3.json")),
    ("q3.4", include_str!("../../fixtures/ssb/queries/q3.4.json")),
    ("q4.1", include_str!("../../fixtures/ssb/queries/q4.1.json")),
    ("q4.2", include_str!("../../fixtures/ssb/queries/q4.2.json")),
    ("q4.3", include_str!("../../fixtures/ssb/queries/q4.3.json")),
];
