//! One spelling per person: what an e-mail or a name may look like, and how e-mails are folded.
//!
//! The rule is deterministic and needs no Unicode tables: two different addresses never fold
//! together unless they differ in the case of ASCII letters only (ATK13).

/// The longest name, in characters.
pub(crate) const MAX_NAME: usize = 256;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadName {
    Empty,
    TooLong,
    Invisible(char),
    SpaceAtEnd,
}

/// A name is 1 to 256 characters without control, bidirectional or zero-width characters; the
/// only space is U+0020, and not at the ends.
pub(crate) fn check_name(text: &str) -> Result<(), BadName> {
    if text.is_empty() {
        return Err(BadName::Empty);
    }
    if text.chars().nth(MAX_NAME).is_some() {
        return Err(BadName::TooLong);
    }
    if let Some(c) = text.chars().find(|c| invisible(*c)) {
        return Err(BadName::Invisible(c));
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(BadName::SpaceAtEnd);
    }
    Ok(())
}

/// Folds an e-mail address: ASCII letters to lower case, nothing else.
///
/// One `@` with something on both sides. The domain is ASCII letters, digits, hyphens and dots,
/// so that no look-alike can stand for it. The local part is neither quoted nor a list, and holds
/// nothing that Unicode normalization (NFC) would replace.
pub(crate) fn fold_email(text: &str) -> Option<String> {
    check_name(text).ok()?;
    let (local, domain) = text.split_once('@')?;
    let good_local = !local.is_empty()
        && !local.chars().any(|c| " \"(),:;<>[\\]".contains(c) || like_at(c) || not_composed(c));
    let host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let good_domain = domain.chars().all(host) && domain.split('.').all(|label| !label.is_empty());
    (good_local && good_domain).then(|| text.to_ascii_lowercase())
}

/// Controls, every space but U+0020, and the characters that Unicode lists as ignorable in
/// display or as bidirectional controls.
fn invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Signs that some software folds to `@`.
fn like_at(c: char) -> bool {
    matches!(c, '\u{ff20}' | '\u{fe6b}')
}

/// Combining marks and characters that NFC replaces by others, by whole blocks: a little too
/// strict for scripts that need marks, which no local part of a directory uses.
fn not_composed(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036f}' | '\u{0374}' | '\u{037e}' | '\u{0387}' | '\u{1100}'..='\u{11ff}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{1f71}'..='\u{1f7d}'
        | '\u{1fbb}'..='\u{1fff}' | '\u{20d0}'..='\u{20ff}' | '\u{2126}' | '\u{212a}' | '\u{212b}'
        | '\u{3099}' | '\u{309a}' | '\u{f900}'..='\u{faff}' | '\u{fb1d}'..='\u{fb4e}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(fold_email(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn l39_atk13_only_ascii_case_is_folded() {
        check("Ana@Shop.TEST", Some("ana@shop.test"));
        check("ana+x@shop.test", Some("ana+x@shop.test"));
        check("ana@localhost", Some("ana@localhost"));
        check("ana@xn--shp-sna.test", Some("ana@xn--shp-sna.test"));
        // Distinct people stay distinct: dotless i, sharp s, composed é, Cyrillic а.
        check("\u{131}gor@shop.test", Some("\u{131}gor@shop.test"));
        check("\u{130}gor@shop.test", Some("\u{130}gor@shop.test"));
        check("stra\u{df}e@shop.test", Some("stra\u{df}e@shop.test"));
        check("ren\u{e9}@shop.test", Some("ren\u{e9}@shop.test"));
        check("\u{430}na@shop.test", Some("\u{430}na@shop.test"));
    }

    #[test]
    fn l39_atk13_addresses_that_could_be_read_as_another_are_refused() {
        for text in [
            "ana\u{ff20}shop.test",
            "ana\u{ff20}evil.test@shop.test",
            "ana\u{fe6b}evil.test@shop.test",
            "ana@shop.test\u{ff20}evil.test",
            "rene\u{301}@shop.test",
            "\u{212a}im@shop.test",
            "ana@sh\u{f6}p.test",
            "ana@\u{212a}elvin.test",
            "ana@shop.test,evil@shop.test",
            "evil@shop.test,ana",
            "\"ana\"@shop.test",
            "Ana <ana@shop.test>",
            "ana@shop.test.",
            "ana@.test",
            "ana@shop..test",
            "ana@[127.0.0.1]",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn atk13_spaces_and_invisible_characters_are_refused() {
        for text in [
            " ana@shop.test",
            "ana@shop.test ",
            "an a@shop.test",
            "ana@shop.test\n",
            "ana\0@shop.test",
            "ana\u{a0}@shop.test",
            "ana\u{ad}@shop.test",
            "ana\u{200b}@shop.test",
            "ana\u{200d}@shop.test",
            "\u{202e}ana@shop.test",
            "\u{feff}ana@shop.test",
            "ana\u{3164}@shop.test",
            "ana\u{e0061}@shop.test",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn atk13_exactly_one_at_sign_between_two_parts() {
        for text in ["", "ana", "@", "@shop.test", "ana@", "a@b@c.test", "ana@@shop.test"] {
            check(text, None);
        }
    }

    #[test]
    fn names_are_short_and_visible() {
        assert_eq!(check_name("data team é"), Ok(()));
        assert_eq!(check_name(&"é".repeat(256)), Ok(()));
        assert_eq!(check_name(&"é".repeat(257)), Err(BadName::TooLong));
        assert_eq!(check_name(""), Err(BadName::Empty));
        assert_eq!(check_name(" a"), Err(BadName::SpaceAtEnd));
        assert_eq!(check_name("a\u{2009}b"), Err(BadName::Invisible('\u{2009}')));
        assert_eq!(check_name("a\u{85}"), Err(BadName::Invisible('\u{85}')));
    }
}
