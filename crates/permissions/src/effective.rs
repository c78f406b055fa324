//! Keys of what a principal may see: equal keys mean equal rights.

use sandbar_auth::{AttributeValue, Principal, Scopes};
use sandbar_catalog::Snapshot;

use crate::policy_set::PolicySet;
use crate::scope::Purpose;

/// Which policies apply, without the attribute values they are bound to: the key of plan shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyShape([u8; 32]);

/// Which policies apply, with the attribute values: the only key under which results, field
/// values, tokens and entity tags may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EffectivePolicy([u8; 32]);

impl EffectivePolicy {
    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PolicyShape {
    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

pub(crate) fn keys(
    snapshot: &Snapshot,
    policies: &PolicySet,
    principal: Option<&Principal>,
    purpose: Purpose,
) -> (PolicyShape, EffectivePolicy) {
    let scopes = principal.and_then(Principal::scopes);
    digests(snapshot, policies, principal, scopes.map(|scopes| (scopes, purpose)))
}

impl PolicySet {
    /// Which policies apply to somebody, with his attribute values, whatever his token may be used
    /// for. What he is handed now and gives back later may be bound to it: he may come with another
    /// token.
    pub fn effective(&self, snapshot: &Snapshot, principal: &Principal) -> EffectivePolicy {
        digests(snapshot, self, Some(principal), None).1
    }
}

fn digests(
    snapshot: &Snapshot,
    policies: &PolicySet,
    principal: Option<&Principal>,
    scopes: Option<(&Scopes, Purpose)>,
) -> (PolicyShape, EffectivePolicy) {
    let mut shape = Digest::default();
    shape.number(snapshot.fingerprint());
    shape.number(policies.fingerprint);
    let Some(principal) = principal else {
        shape.bytes(b"administrator");
        return (PolicyShape(shape.clone().finish()), EffectivePolicy(shape.finish()));
    };
    shape.bytes(b"principal");
    let concerned: Vec<usize> =
        (0..policies.policies.len()).filter(|p| policies.concerns(*p, principal)).collect();
    shape.number(concerned.len() as u64);
    for policy in concerned {
        shape.number(policy as u64);
    }
    if let Some((scopes, purpose)) = scopes {
        shape.bytes(b"scopes");
        shape.bytes(purpose.name());
        shape.number(scopes.words().len() as u64);
        scopes.words().for_each(|word| shape.bytes(word.as_bytes()));
    }
    let mut effective = shape.clone();
    let mut names: Vec<&String> = policies.attributes.keys().collect();
    names.sort();
    for name in names {
        effective.bytes(name.as_bytes());
        match principal.attribute(name) {
            None => effective.bytes(b"absent"),
            Some(value) => effective.value(value),
        }
    }
    (PolicyShape(shape.finish()), EffectivePolicy(effective.finish()))
}

/// The keys of what is made of two principals' rights.
pub(crate) fn both(one: EffectivePolicy, other: EffectivePolicy) -> (PolicyShape, EffectivePolicy) {
    let mut digest = Digest::default();
    digest.bytes(b"either");
    digest.bytes(&one.0);
    digest.bytes(&other.0);
    let digest = digest.finish();
    (PolicyShape(digest), EffectivePolicy(digest))
}

/// Every part goes in with its kind and length, so that no two different inputs have one encoding.
#[derive(Clone, Default)]
struct Digest(blake3::Hasher);

impl Digest {
    fn number(&mut self, n: u64) {
        self.0.update(b"n");
        self.0.update(&n.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(b"b");
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn value(&mut self, value: &AttributeValue) {
        match value {
            AttributeValue::Null => self.bytes(b"null"),
            AttributeValue::Boolean(b) => self.bytes(if *b { b"true" } else { b"false" }),
            AttributeValue::Integer(n) => {
                self.bytes(b"integer");
                self.bytes(&n.to_le_bytes());
            }
            AttributeValue::Number(n) => {
                self.bytes(b"number");
                self.bytes(&n.to_bits().to_le_bytes());
            }
            AttributeValue::Text(text) => {
                self.bytes(b"text");
                self.bytes(text.as_bytes());
            }
            AttributeValue::List(items) => {
                self.bytes(b"list");
                self.number(items.len() as u64);
                items.iter().for_each(|item| self.value(item));
            }
            _ => self.bytes(b"unsupported"),
        }
    }

    fn finish(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}
