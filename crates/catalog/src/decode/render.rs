//! A problem as a person reads it: the sentence, the place, and the line with a caret.

use super::problem::Problem;

const WIDTH: usize = 120;

/// Code and sentence, then file, line and column, then the line itself with carets below.
pub fn render(file: &str, text: &str, problem: &Problem) -> String {
    let head = format!("{} {problem}", problem.code);
    let Some(place) = problem.place else {
        return format!("{head}\n  --> {file}: {}\n", problem.path);
    };
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let mut out = format!("{head}\n{gutter}--> {file}:{}:{}\n", place.line, place.column);
    let line_index = place.line.saturating_sub(1) as usize;
    let Some(line) = text.lines().nth(line_index) else { return out };
    let chars: Vec<char> = line.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let column = (place.column.saturating_sub(1) as usize).min(chars.len());
    let start = column.saturating_sub(WIDTH / 2);
    let shown: String = chars.iter().skip(start).take(WIDTH).collect();
    let carets = "^".repeat(token_length(chars.get(column..).unwrap_or_default()));
    let indent = " ".repeat(column - start);
    out.push_str(&format!("{gutter} |\n{number} | {shown}\n{gutter} | {indent}{carets}\n"));
    out
}

/// The length of the word or quoted text at the start, at least 1 and at most 40.
fn token_length(rest: &[char]) -> usize {
    let length = match rest.first() {
        Some(quote @ ('"' | '\'')) => {
            rest.iter().skip(1).position(|c| c == quote).map_or(rest.len(), |end| end + 2)
        }
        _ => rest.iter().take_while(|c| c.is_alphanumeric() || "_-.".contains(**c)).count(),
    };
    length.clamp(1, 40)
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;

    #[test]
    fn a_problem_shows_its_line() {
        let problem = Problem {
            code: "D0002",
            place: Some(Place { line: 2, column: 3 }),
            path: "tables".to_owned(),
            message: "unknown key `feilds`".to_owned(),
            suggestion: Some("fields".to_owned()),
        };
        let expected = "D0002 unknown key `feilds`; did you mean `fields`?\n --> m.yml:2:3\n  |\n2 |   feilds: 1\n  |   ^^^^^^\n";
        assert_eq!(render("m.yml", "a:\n  feilds: 1\n", &problem), expected);
    }

    #[test]
    fn places_outside_the_text_do_not_matter() {
        let place = Some(Place { line: 9, column: 900 });
        let problem = Problem {
            code: "X",
            place,
            path: String::new(),
            message: "m".to_owned(),
            suggestion: None,
        };
        assert!(render("f", "ä\n", &problem).contains("f:9:900"));
        let place = Some(Place { line: 1, column: 900 });
        assert!(render("f", "ä\tü\n", &Problem { place, ..problem }).contains("ä ü"));
    }
}
