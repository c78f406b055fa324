//! Identifiers on the wire: stable when the model changes, the same for every principal.

/// A 48-bit id of a name: FNV-1a (64 bit, offset basis 14695981039346656037, prime 1099511628211)
/// folded to 48 bits, so that it stays below 2^53 and survives a double.
pub(crate) fn hashed_id(parts: &[&str]) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    let mut eat = |byte: u8| {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    };
    for part in parts {
        part.bytes().for_each(&mut eat);
        eat(0);
    }
    let folded = (hash >> 48) ^ (hash & 0xffff_ffff_ffff);
    folded.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_a_double_and_tell_parts_apart() {
        assert!(hashed_id(&["orders"]) < 1 << 48);
        assert_ne!(hashed_id(&["a", "bc"]), hashed_id(&["ab", "c"]));
        assert_eq!(hashed_id(&["orders"]), hashed_id(&["orders"]));
    }
}
