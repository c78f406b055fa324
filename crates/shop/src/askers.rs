//! The people that examples and tests ask as. They are plain data: a host makes principals of
//! them.

/// Somebody who asks the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// A short name, unique among the [`ASKERS`].
    pub name: &'static str,
    /// The email address: the subject of the principal.
    pub email: &'static str,
    /// The groups, as the policies name them.
    pub groups: &'static [&'static str],
    /// The attributes, by name.
    pub attributes: &'static [(&'static str, Attribute)],
    /// Who this is, in a few words.
    pub description: &'static str,
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// One text.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
}

/// The people that the shop's policies are made for.
///
/// | name | group | attribute | sees |
/// |---|---|---|---|
/// | ana | `analysts` | | everything |
/// | wei | `regional` | `states`: CA, WA, OR, NV, AZ | people and orders of the west; all products and reviews |
/// | vic | `vendors` | `vendor`: Wick and Whistle | products of that vendor with their orders and reviews, no money, no people |
/// | nia | `regional` | | nothing: every question is refused |
pub const ASKERS: [Asker; 4] = [
    Asker {
        name: "ana",
        email: "ana@shop.test",
        groups: &["analysts"],
        attributes: &[],
        description: "analyst, sees everything",
    },
    Asker {
        name: "wei",
        email: "wei@shop.test",
        groups: &["regional"],
        attributes: &[("states", Attribute::Texts(&["CA", "WA", "OR", "NV", "AZ"]))],
        description: "regional, sees the people and orders of five western states",
    },
    Asker {
        name: "vic",
        email: "vic@partner.test",
        groups: &["vendors"],
        attributes: &[("vendor", Attribute::Text("Wick and Whistle"))],
        description: "vendor, sees the own products and no money",
    },
    Asker {
        name: "nia",
        email: "nia@shop.test",
        groups: &["regional"],
        attributes: &[],
        description: "regional without states, sees nothing",
    },
];

impl Asker {
    /// The asker of that name or email.
    ///
    /// ```
    /// use sandbar_shop::Asker;
    ///
    /// assert_eq!(Asker::named("wei"), Asker::named("wei@shop.test"));
    /// assert_eq!(Asker::named("nobody"), None);
    /// ```
    pub fn named(name: &str) -> Option<&'static Self> {
        static KNOWN: [Asker; 4] = ASKERS;
        KNOWN.iter().find(|asker| asker.name == name || asker.email == name)
    }
}
