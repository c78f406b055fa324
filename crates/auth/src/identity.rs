//! One spelling per person: what an e-mail or a name may look like, and how e-mails are folded.

/// Why a text cannot identify anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadIdentity {
    Length,
    Character,
    NotAnEmail,
}

/// An identity is 1 to 256 characters without control, space at the ends, bidirectional or
/// zero-width characters.
pub(crate) fn check_name(text: &str) -> Result<(), BadIdentity> {
    if text.is_empty() || text.chars().count() > 256 {
        return Err(BadIdentity::Length);
    }
    if text.chars().any(invisible) || text.trim() != text {
        return Err(BadIdentity::Character);
    }
    Ok(())
}

/// Folds an e-mail address: ASCII letters to lower case, nothing else. One `@` with something on
/// both sides; the domain is ASCII, so that no look-alike can stand for it.
pub(crate) fn fold_email(text: &str) -> Result<String, BadIdentity> {
    check_name(text)?;
    let (local, domain) = text.split_once('@').ok_or(BadIdentity::NotAnEmail)?;
    let bad_local = local.is_empty() || local.chars().any(|c| c.is_whitespace() || "\",;<>()＠".contains(c));
    let host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let bad_domain = domain.is_empty()
        || !domain.chars().all(host)
        || domain.split('.').any(|label| label.is_empty());
    if bad_local || bad_domain {
        return Err(BadIdentity::NotAnEmail);
    }
    Ok(text.to_ascii_lowercase())
}

fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00a0}' | '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180e}'
            | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
            | '\u{3000}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(fold_email(text).ok().as_deref(), expected, "{text:?}");
    }

    #[test]
    fn atk13_identity_folding() {
        check("Ana@Shop.TEST", Some("ana@shop.test"));
        check("ana+x@shop.test", Some("ana+x@shop.test"));
        check("ana＠shop.test", None);
        check("ana@shop.test＠evil.test", None);
        check("ana@shop.test,evil@shop.test", None);
        check("ana@shop.test ", None);
        check("ana@shop.test.", None);
        check("ana\u{200d}@shop.test", None);
        check("ana@shöp.test", None);
        check("\u{202e}ana@shop.test", None);
        check("@shop.test", None);
        check("ana@", None);
        check("ana", None);
        check("a@b@c.test", None);
        // Only ASCII letters are folded: the Kelvin sign stays itself.
        check("\u{212a}im@shop.test", Some("\u{212a}im@shop.test"));
    }
}
