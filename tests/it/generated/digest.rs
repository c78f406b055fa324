//! What a whole run asked and was told, as one number: two runs that differ in anything that is
//! compared have, as good as always, different ones.

use std::fmt;

use sandbar_testkit::rows::Rows;

/// FNV-1a of 64 bits.
pub(super) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds a text. Where it ends counts as well.
    pub(super) fn add(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }
}

/// The rows of an answer as text, as far as they are compared: with nine digits of each number, and
/// sorted where they have no order.
pub(super) fn compared(rows: &Rows, ordered: bool) -> String {
    let line = |row: &Vec<String>| row.iter().map(|cell| rounded(cell)).collect::<Vec<_>>();
    let mut lines: Vec<String> = rows.rows.iter().map(|row| line(row).join(",")).collect();
    if !ordered {
        lines.sort();
    }
    lines.insert(0, rows.head.join(","));
    lines.join("\n")
}

/// A number with nine digits, where it is one. What a difference that is nothing leaves is nothing.
fn rounded(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(number) if number.abs() < 1e-9 => "0".to_owned(),
        Ok(number) => format!("{number:.8e}"),
        Err(_) => cell.to_owned(),
    }
}

#[test]
fn a_digest_is_that_of_its_specification() {
    for (text, known) in
        [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")]
    {
        let mut digest = Digest::default();
        digest.bytes(text.as_bytes());
        assert_eq!(digest.to_string(), known);
    }
}

#[test]
fn a_digest_is_of_what_is_compared() {
    let of = |csv: &str, ordered| {
        let mut digest = Digest::default();
        digest.add(&compared(&Rows::read(csv), ordered));
        digest.to_string()
    };
    assert_eq!(of("n\n1\n2.5\n", false), of("n\n2.5\n1\n", false));
    assert_ne!(of("n\n1\n2.5\n", true), of("n\n2.5\n1\n", true));
    assert_eq!(of("n\n0.3\n", true), of("n\n0.30000000000000004\n", true));
    assert_eq!(of("n\n0\n", true), of("n\n-0.0000000000000001\n", true));
    assert_ne!(of("n\n0.3\n", true), of("n\n0.30001\n", true));
    let both = |parts: [&str; 2]| {
        let mut digest = Digest::default();
        parts.into_iter().for_each(|part| digest.add(part));
        digest.to_string()
    };
    assert_ne!(both(["ab", "c"]), both(["a", "bc"]));
}
