//! "Did you mean": at most one name, and only a close one.

/// The candidate that `input` was probably meant to be.
///
/// A candidate that differs only in case wins; otherwise the nearest by Damerau–Levenshtein
/// distance, at most 2 edits (1 where a name has up to 4 characters, none where it has 1), or the most similar by
/// Jaro–Winkler above 0.9.
pub fn suggest<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if input.is_empty() || input.len() > 128 {
        return None;
    }
    let lower = input.to_lowercase();
    let own = lower.chars().count();
    let mut best: Option<(usize, f64, &'c str)> = None;
    for candidate in candidates {
        let other = candidate.to_lowercase();
        if other == lower {
            return Some(candidate);
        }
        let length = other.chars().count();
        let (shorter, longer) = (length.min(own), length.max(own));
        // More edits than that, and by Jaro–Winkler 0.6 · (2 + shorter / longer) / 3 + 0.4 at most.
        if longer - shorter > 2 && 2 * shorter < longer {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&lower, &other);
        let similarity = strsim::jaro_winkler(&lower, &other);
        let limit = match shorter {
            0 | 1 => 0,
            2..=4 => 1,
            _ => 2,
        };
        if distance > limit && similarity < 0.9 {
            continue;
        }
        let nearer = best.is_none_or(|(d, s, _)| distance < d || (distance == d && similarity > s));
        if nearer {
            best = Some((distance, similarity, candidate));
        }
    }
    best.map(|(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(suggest(input, ["revenue", "orders", "id", "Total"]), expected);
    }

    #[test]
    fn close_names_only() {
        check("revnue", Some("revenue"));
        check("TOTAL", Some("Total"));
        check("ordres", Some("orders"));
        check("customers", None);
        check("paid", None);
        check("di", Some("id"));
        check("", None);
    }
}
