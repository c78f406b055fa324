//! Values that a question calculates itself, under names of its own: expressions of the model's
//! language over what its asker may see.
//!
//! A text is read where its name is used, from the rows that are asked there, so that one name can
//! be grouped by for several numbers. A field that it names is looked up like any other.

use sandbar_catalog::expr::{Allow, Expr, ExprError, ExprErrorKind, Extent, Scope, bind};
use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{Type, is_name};

use super::ground::Ground;
use super::instead::at_grain;
use super::widths::{Width, Widths, widths};
use super::{Asking, did_you_mean, shorten};
use crate::query::{AnswerColumn, ResolvedQuery};

/// The most values that one question calculates.
const MAX_CALCULATED: usize = 64;
/// The most stored texts that they put together for a row, and the most bytes beside them.
const MAX_TEXT: Width = Width { copies: 64, bytes: 65_536 };

/// A value that a question calculates.
pub(super) struct Calculated {
    name: String,
    text: String,
    path: String,
    /// Whether something has named it.
    used: bool,
}

/// What has been used of what a question may calculate.
#[derive(Default)]
pub(super) struct Spent {
    all: Extent,
    texts: Width,
}

/// What a name of a question means for each row.
pub(super) enum Meaning {
    /// What is written under `calculated`.
    Calculated(Expr),
    /// It is written there, and what is wrong with it has been told.
    Broken,
    /// Something else.
    Other,
}

impl Asking<'_> {
    /// What a question calculates takes the place of what the question around it does; gives that,
    /// to be put back.
    pub(super) fn calculate(&mut self, query: &SemanticQuery) -> Vec<Calculated> {
        let mut found = Vec::new();
        for (name, text) in query.calculated.iter() {
            let path = match text.path.as_str() {
                "" => format!("calculated.{}", shorten(name)),
                path => path.to_owned(),
            };
            if !is_name(name) {
                let message = format!(
                    "`{}` cannot name what is calculated: use a letter, then letters, digits and \
                     `_`, at most 64",
                    shorten(name)
                );
                self.problem("Q0161", &path, message);
                continue;
            }
            let (name, text) = (name.to_owned(), text.value.clone());
            found.push(Calculated { name, text, path, used: false });
        }
        if found.len() > MAX_CALCULATED {
            let message = format!("a question calculates at most {MAX_CALCULATED} values");
            self.problem("Q0162", "calculated", message);
            found.truncate(MAX_CALCULATED);
        }
        std::mem::replace(&mut self.calculated, found)
    }

    /// What is calculated under a name, of rows.
    pub(super) fn of_rows(&mut self, ground: &Ground, name: &str) -> Meaning {
        if !ground.asked {
            return Meaning::Other;
        }
        let fields = self.grants.find_field(ground.table, &[name]).is_ok();
        let known = fields || self.grants.relationships(ground.table).any(|r| r.name == name);
        let meaning = self.meaning(name, known, &mut |asking, text, path| {
            bind(text, Allow::Rows, &mut OfRows { asking, ground, path })
        });
        match meaning {
            Meaning::Calculated(expr) if self.tells_of_few(ground, &expr) => Meaning::Broken,
            meaning => meaning,
        }
    }

    /// Whether something is calculated of single rows of a table that is told in groups, if only by
    /// a field that the model calculates of them: it could pick one of them out, and tell its value
    /// or fail on it.
    fn tells_of_few(&mut self, ground: &Ground, expr: &Expr) -> bool {
        let snapshot = self.compiled.snapshot();
        let stored = snapshot.stored_inputs(expr);
        let on_the_way = expr.fields().into_iter().chain(&stored).flat_map(|path| &path.via);
        let reached = on_the_way.map(|step| snapshot.relationship(*step).to);
        let mut tables = std::iter::once(ground.table).chain(reached);
        let Some(few) = tables.find(|table| self.grants.min_group_size(*table).is_some()) else {
            return false;
        };
        let why = "nothing is calculated of single ones: ask for their fields, measures and \
                   metrics as they are, and calculate of the answer (`from`)";
        self.single_rows(few, why);
        true
    }

    /// What is calculated under a name, of the rows of an answer.
    pub(super) fn of_answer(&mut self, columns: &[AnswerColumn], name: &str) -> Meaning {
        let known = columns.iter().any(|column| column.name == name);
        self.meaning(name, known, &mut |_, text, _| {
            bind(text, Allow::Rows, &mut OfColumns { columns })
        })
    }

    /// How long the texts may be in the columns of an answer.
    pub(super) fn widths_of(&self, answer: &ResolvedQuery) -> Vec<Width> {
        widths(answer, self.compiled.snapshot())
    }

    /// Reads what nothing has named, so that what is wrong with it is told too.
    pub(super) fn the_rest(&mut self, mut read: impl FnMut(&mut Self, &str) -> Meaning) {
        let unused = self.calculated.iter().filter(|known| !known.used);
        let names: Vec<String> = unused.map(|known| known.name.clone()).collect();
        for name in names {
            read(self, &name);
        }
    }

    fn meaning(
        &mut self,
        name: &str,
        known: bool,
        read: &mut dyn FnMut(&mut Self, &str, &str) -> Result<Expr, ExprError>,
    ) -> Meaning {
        let Some(found) = self.calculated.iter_mut().find(|found| found.name == name) else {
            return Meaning::Other;
        };
        found.used = true;
        let (text, path) = (found.text.clone(), found.path.clone());
        if known {
            let message = format!(
                "`{}` means something already; calculate under another name",
                shorten(name)
            );
            self.problem("Q0161", &path, message);
            return Meaning::Broken;
        }
        let before = self.wrong();
        let expr = match read(self, &text, &path) {
            Ok(expr) => expr,
            Err(error) => {
                if !error.silent {
                    self.unread(&error, &path);
                }
                return Meaning::Broken;
            }
        };
        if self.wrong() > before {
            return Meaning::Broken;
        }
        let (snapshot, inputs) = (self.compiled.snapshot(), self.widths.as_slice());
        let Extent { parts, depth, decisions } = snapshot.extent(&expr);
        self.spent.all.parts = self.spent.all.parts.saturating_add(parts);
        self.spent.all.depth = self.spent.all.depth.max(depth);
        self.spent.all.decisions = self.spent.all.decisions.max(decisions);
        let mut texts = Widths { snapshot, inputs, made: self.spent.texts };
        texts.of(&expr);
        self.spent.texts = texts.made;
        if texts.made.copies > MAX_TEXT.copies || texts.made.bytes > MAX_TEXT.bytes {
            let Width { copies, bytes } = MAX_TEXT;
            let message = format!(
                "what a question puts together is at most {copies} texts and {bytes} bytes for a \
                 row, each as often as it is used"
            );
            self.problem("Q0162", "calculated", message);
            return Meaning::Broken;
        }
        if !self.spent.all.fits() {
            let Extent { parts, depth, decisions } = Extent::MOST;
            let message = format!(
                "what a question calculates has at most {parts} parts, each as often as it is \
                 used, and at most {depth} in each other, of comparisons and `case` \
                 {decisions}"
            );
            self.problem("Q0162", "calculated", message);
            return Meaning::Broken;
        }
        if expr.fields().is_empty() && expr.inputs().is_empty() {
            let message = "this is the same for all rows: name a field in it".to_owned();
            self.problem("Q0162", &path, message);
            return Meaning::Broken;
        }
        if expr.data_type == Type::Null {
            let message = "this is always missing, and of no type: `cast` it to one".to_owned();
            self.problem("Q0162", &path, message);
            return Meaning::Broken;
        }
        Meaning::Calculated(expr)
    }

    fn unread(&mut self, error: &ExprError, path: &str) {
        let hint = error.suggestion.as_ref();
        let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        let place = match error.at {
            Some((line, column)) if line > 1 => format!(" (line {line}, column {column})"),
            Some((_, column)) if column > 1 => format!(" (column {column})"),
            _ => String::new(),
        };
        let code = match error.kind {
            ExprErrorKind::UnknownName => "Q0147",
            ExprErrorKind::Expression | ExprErrorKind::Attribute | ExprErrorKind::Cycle => "Q0162",
        };
        self.problem(code, path, format!("{}{hint}{place}", error.message));
    }
}

/// Names in what is calculated of rows.
struct OfRows<'s, 'a> {
    asking: &'s mut Asking<'a>,
    ground: &'s Ground,
    path: &'s str,
}

impl Scope for OfRows<'_, '_> {
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError> {
        let name = chain.join(".");
        let Some(found) = self.asking.field(self.ground, &name, self.path) else {
            // It has been told.
            return Err(ExprError::silent());
        };
        let field = self.asking.compiled.snapshot().field(found.field);
        if let Some(native) = field.grain {
            let grain = self.asking.finest(native, &name);
            let instead = format!("group by {}, or compare it, as it is", at_grain(&name, grain));
            self.asking.finer(native, &name, &instead, self.path);
            return Err(ExprError::silent());
        }
        Ok(Expr::field(found, field.data_type))
    }
}

/// Names in what is calculated of the rows of an answer.
struct OfColumns<'s> {
    columns: &'s [AnswerColumn],
}

impl Scope for OfColumns<'_> {
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError> {
        let name = chain.join(".");
        let found = self.columns.iter().enumerate().find(|(_, column)| column.name == name);
        if let Some((index, column)) = found {
            return Ok(Expr::input(index, column.data_type));
        }
        let known = self.columns.iter().map(|column| column.name.as_str());
        let hint = did_you_mean(&name, known).unwrap_or_default();
        let message = format!("`{}` is not a column of `from`{hint}", shorten(&name));
        Err(ExprError::new(message).about(ExprErrorKind::UnknownName))
    }
}
