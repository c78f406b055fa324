//! Texts made wrong: what people mistype, what programs cut off, and what somebody tries on
//! purpose. The same for the same random numbers.

use crate::generate::Random;

/// The longest text that is made, in bytes.
const LONGEST: usize = 64 << 10;

/// What stands in some place instead, or in between.
const PIECES: [&str; 48] = [
    "0",
    "-1",
    "1e999",
    "-0.0",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "1e-400",
    "NaN",
    "0x10",
    "null",
    "true",
    "false",
    "~",
    "\"\"",
    "\"",
    "'",
    "`",
    "\\",
    "\\u0000",
    "\\ud800",
    "\0",
    "\t",
    "\r\n",
    "\n",
    "\n  ",
    ":",
    ": ",
    ",",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!binary ",
    "<<: ",
    "---\n",
    "...\n",
    "# ",
    "%",
    "\u{202e}",
    "\u{feff}",
    "é",
    "日本",
    "🦀",
    "\u{301}",
];

/// Parts of the languages, which lead deeper than bytes do.
const WORDS: [&str; 40] = [
    "table",
    "fields",
    "filter",
    "metrics",
    "group_by",
    "order",
    "limit",
    "and",
    "or",
    "not",
    "in",
    "between",
    "select",
    "from",
    "where",
    "attribute.",
    "attribute.states",
    "sum(",
    "count()",
    "case when ",
    "cast(",
    "div(",
    "like",
    "is null",
    "'",
    "(",
    ")",
    "rows",
    "grant",
    "restrict",
    "deny",
    "masks",
    "hash",
    "prefix",
    "expr",
    "to",
    "on",
    "many_to_one",
    "2026-02-30",
    "9999-12-31T23:59:60Z",
];

/// One of the texts, with some mistakes in it.
pub fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    if corpus.is_empty() {
        return Vec::new();
    }
    let mut text = random.pick(corpus).clone();
    for _ in 0..1 + random.below(4) {
        text = step(random, text, corpus);
        text.truncate(LONGEST);
    }
    text
}

fn step(random: &mut Random, mut text: Vec<u8>, corpus: &[Vec<u8>]) -> Vec<u8> {
    let at = random.below(text.len() + 1);
    let end = at + random.below((text.len() - at).min(64) + 1);
    match random.below(12) {
        // A bit, a byte, a cut.
        0 => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = text.get_mut(at) {
                *byte = u8::try_from(random.below(256)).unwrap_or_default();
            }
        }
        2 => text.truncate(at),
        3 => {
            text.drain(at..end);
        }
        // A part twice, or many times.
        4 => {
            let part = text.get(at..end).unwrap_or_default().to_vec();
            text.splice(at..at, part);
        }
        5 => {
            let part = text.get(at..end).unwrap_or_default().to_vec();
            let times = 1 + random.below(200);
            text.splice(at..at, part.repeat(times));
        }
        // The beginning of one text and the end of another.
        6 => {
            let other = random.pick(corpus);
            let from = random.below(other.len() + 1);
            text.truncate(at);
            text.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        7 => {
            let other = random.pick(corpus);
            let from = random.below(other.len() + 1);
            let part = other.get(from..).unwrap_or_default();
            let part = part.get(..part.len().min(80)).unwrap_or_default().to_vec();
            text.splice(at..at, part);
        }
        8 => {
            text.splice(at..end, random.name(&PIECES).bytes());
        }
        9 => {
            text.splice(at..end, random.name(&WORDS).bytes());
        }
        // Much deeper than anybody means.
        10 => {
            let depth = 1 + random.below(3_000);
            let open =
                *random.pick(&["[", "{\"and\":[", "(", "- ", "{a: ", "not ", "1+", "case when "]);
            text.splice(at..at, open.repeat(depth).bytes());
        }
        // A number in place of one that is there.
        _ => {
            let digits = text.iter().skip(at).position(u8::is_ascii_digit).map(|n| n + at);
            if let Some(start) = digits {
                let rest = text.iter().skip(start);
                let length = rest.take_while(|byte| byte.is_ascii_digit()).count();
                text.splice(start..start + length, random.name(&PIECES[..11]).bytes());
            }
        }
    }
    text
}
