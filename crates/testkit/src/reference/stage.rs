//! Questions to the answer of another question: its columns take the place of fields.

use super::cell::Cell;
use super::listing::ordered;
use super::numbers::{aggregate, of_nothing};
use super::question::{Answer, AskedField, Condition, Question};
use super::world::Function;
use super::{Reference, Refused};

impl Reference<'_> {
    pub(super) fn of_answer(
        &self,
        question: &Question,
        inner: &Question,
    ) -> Result<Answer, Refused> {
        self.of_one_unit(question, inner)?;
        let inner = self.whole(inner)?;
        let column = |name: &str| {
            let found = inner.head.iter().position(|known| known == name);
            found.ok_or_else(|| format!("no column {name}"))
        };
        let passing = |rows: &[Vec<Cell>], condition: Option<&Condition>| {
            let mut kept = Vec::new();
            for row in rows {
                let passes = match condition {
                    Some(condition) => self.on_columns(&inner.head, row, condition)? == Some(true),
                    None => true,
                };
                if passes {
                    kept.push(row.clone());
                }
            }
            Ok::<_, Refused>(kept)
        };
        let rows = passing(&inner.rows, question.filter.as_ref())?;
        let listed = question.aggregations.is_empty() && question.group_by.is_empty();
        let all = inner.head.iter().map(|name| AskedField {
            field: name.clone(),
            cut: None,
            alias: name.clone(),
        });
        let asked: Vec<AskedField> = match (listed, question.fields.is_empty()) {
            (true, true) => all.collect(),
            (true, false) => question.fields.clone(),
            (false, _) => question.group_by.clone(),
        };
        let mut keys = Vec::new();
        for asked in &asked {
            keys.push((column(&asked.field)?, asked.cut));
        }
        let mut head: Vec<String> = asked.iter().map(|asked| asked.alias.clone()).collect();
        let of_row = |row: &Vec<Cell>| -> Vec<Cell> {
            keys.iter().map(|(index, asked)| self.calendar.cut(&row[*index], *asked)).collect()
        };
        if listed {
            let mut rows: Vec<Vec<Cell>> = rows.iter().map(of_row).collect();
            ordered(question, &head, &mut rows, &[])?;
            return Ok(Answer { head, rows, ordered: false });
        }
        // Where all numbers have the same conditions, no other keeps a group for which no row
        // counts.
        let mut filters = question.aggregations.iter().map(|asked| asked.filter.as_ref());
        let rows = match filters.next() {
            Some(first) if filters.all(|other| other == first) => passing(&rows, first)?,
            _ => rows,
        };
        let mut groups: Vec<(Vec<Cell>, Vec<Vec<Cell>>)> = Vec::new();
        if keys.is_empty() {
            groups.push((Vec::new(), Vec::new()));
        }
        for row in rows {
            let found = of_row(&row);
            let same = |known: &[Cell]| known.iter().zip(&found).all(|(a, b)| a.same(b));
            match groups.iter_mut().find(|(known, _)| same(known)) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((found, vec![row])),
            }
        }
        head.extend(question.aggregations.iter().map(|asked| asked.alias.clone()));
        let mut answer = Vec::new();
        for (keys, rows) in groups {
            let mut row = keys;
            for asked in &question.aggregations {
                let rows = passing(&rows, asked.filter.as_ref())?;
                let of = asked.field.as_ref().map(|field| column(field)).transpose()?;
                let cells: Vec<Cell> = match of {
                    Some(index) => rows.iter().map(|row| row[index].clone()).collect(),
                    None => rows.iter().map(|_| Cell::Int(1)).collect(),
                };
                row.push(match aggregate(asked.function, &cells) {
                    Cell::Null => of_nothing(asked.function),
                    Cell::Int(n) if asked.function == Function::Sum => {
                        Cell::Decimal(i128::from(n), 0)
                    }
                    found => found,
                });
            }
            let kept = match &question.having {
                Some(having) => self.on_columns(&head, &row, having)? == Some(true),
                None => true,
            };
            if kept {
                answer.push(row);
            }
        }
        let keys: Vec<(usize, bool)> = (0..keys.len()).map(|index| (index, false)).collect();
        ordered(question, &head, &mut answer, &keys)?;
        Ok(Answer { head, rows: answer, ordered: true })
    }
}
