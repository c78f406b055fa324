//! What somebody sees of a world: rows that are hidden are taken away, masked values exchanged, and
//! what is hidden altogether is marked, before anything is asked.

use super::Reference;
use super::attributes::{Attribute, AttributeRule};
use super::cell::Cell;
use super::denials::Denial;
use super::filter::{Truth, all, any};
use super::scope::Scope;
use super::world::{Calculation, Column, Input, Link, Measure, Rule, World};

/// What stands in place of a value.
#[derive(Clone, Debug)]
pub enum Mask {
    /// Nothing.
    Null,
    /// Always this.
    Constant(Cell),
    /// So many first characters.
    Prefix(usize),
    /// A hash with a key, of texts.
    Hash,
}

/// The key of the hashes: whoever masks with another one shows others.
pub const MASK_KEY: [u8; 32] = *b"whoever has it can test a guess.";

/// Which rows of a table a policy speaks of: those for which it is true.
#[derive(Clone, Debug)]
pub enum RowRule {
    /// A condition on the row.
    Own(Rule),
    /// The value of a column is one of the values of the asker's attribute.
    Among(usize, Vec<Cell>),
    /// A comparison with an attribute that the asker may lack.
    Attribute(AttributeRule),
    /// The row leads over a relationship, by its position, to one for which it is true.
    Related(usize, Box<RowRule>),
    /// The value of a column is, or is not, among those of a column of other rows.
    InRows(Box<InRows>),
    /// All of them.
    All(Vec<RowRule>),
    /// One of them.
    Any(Vec<RowRule>),
}

/// A value looked up among those of a column, in some rows of its table.
#[derive(Clone, Debug)]
pub struct InRows {
    /// The column whose value is looked up; a missing one is neither among them nor not.
    pub column: usize,
    /// The table of the values.
    pub table: usize,
    /// Their column; missing values are none of them.
    pub of: usize,
    /// The rows; all if none.
    pub rows: Option<RowRule>,
    /// Whether it must not be among them.
    pub negated: bool,
}

/// Some rows of a table, and of them some columns.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The table.
    pub table: usize,
    /// The rows; all if none.
    pub rows: Option<RowRule>,
    /// The columns that it does not show.
    pub hidden: Vec<usize>,
    /// The columns that it shows masked.
    pub masks: Vec<(usize, Mask)>,
    /// It shows that they are there, and nothing of them.
    pub described: bool,
}

/// The policies that concern one asker, in the order of their file.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// The texts of his attribute `cats`.
    pub cats: Vec<Cell>,
    /// The whole numbers of his attribute `sizes`.
    pub sizes: Vec<Cell>,
    /// The attributes that the policies declare besides, with what he has of them.
    pub attributes: Vec<Attribute>,
    /// What he is shown.
    pub grants: Vec<Grant>,
    /// Metrics that he may know of, and not ask about.
    pub described_metrics: Vec<usize>,
    /// Which rows remain of each table.
    pub restrictions: Vec<(usize, RowRule)>,
    /// Tables that are told in groups of so many rows.
    pub min_group_sizes: Vec<(usize, usize)>,
    /// Columns that are hidden, whatever else shows them.
    pub denied: Vec<(usize, usize)>,
    /// The further groups of the asker.
    pub groups: Vec<&'static str>,
    /// What is denied to those of further groups, his and others.
    pub denials: Vec<Denial>,
    /// What his token may be used for; whatever he may, if it does not say.
    pub scope: Option<Scope>,
    /// Where rows go with hidden rows, at most once for each table that these are of.
    pub propagations: Vec<Propagation>,
}

/// Rows go with the hidden rows of a table that they belong to.
#[derive(Clone, Debug)]
pub struct Propagation {
    /// The table.
    pub table: usize,
    /// Over which relationships, each by its table and position; over all that lead there if none.
    pub over: Option<Vec<(usize, usize)>>,
}

impl RowRule {
    /// Whether it asks for a value of an empty list, or for an attribute that the asker lacks: then
    /// no row passes, whatever else it says.
    pub(crate) fn is_void(&self) -> bool {
        self.leaves().into_iter().any(|leaf| match leaf {
            Self::Among(_, values) => values.is_empty(),
            Self::Attribute(rule) => rule.attribute.values().is_none_or(|all| all.is_empty()),
            _ => false,
        })
    }

    /// The rules of single rows that it is put together from, in their order, also those of rows
    /// that it leads to or looks values up in.
    pub(crate) fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::Own(_) | Self::Among(..) | Self::Attribute(_) => vec![self],
            Self::Related(_, inner) => inner.leaves(),
            Self::InRows(set) => set.rows.as_ref().map(Self::leaves).unwrap_or_default(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::leaves).collect(),
        }
    }
}

impl Policies {
    /// Policies under which he may ask about all that he may know of: what these hide has no name
    /// for him.
    pub(crate) fn listed(&self) -> Self {
        let mut listed = self.clone();
        listed.grants.iter_mut().for_each(|grant| grant.described = false);
        listed.described_metrics.clear();
        listed
    }
}

impl Grant {
    /// Whether it shows all of these columns.
    fn shows(&self, columns: &[usize]) -> bool {
        columns.iter().all(|column| !self.hidden.contains(column))
    }

    fn mask(&self, column: usize) -> Option<&Mask> {
        self.masks.iter().find(|(masked, _)| *masked == column).map(|(_, mask)| mask)
    }
}

impl Mask {
    pub(super) fn of(&self, cell: &Cell) -> Cell {
        match (self, cell) {
            (Self::Null, _) => Cell::Null,
            (Self::Constant(value), _) => value.clone(),
            (Self::Prefix(length), Cell::Text(text)) => {
                let start: String = text.chars().take(*length).collect();
                Cell::Text(start + "***")
            }
            (Self::Hash, Cell::Text(text)) => {
                // 128 bits of BLAKE3, keyed, in hexadecimal (SECURITY.md).
                let hash = blake3::keyed_hash(&MASK_KEY, text.as_bytes());
                Cell::Text(hash.to_hex().chars().take(32).collect())
            }
            (Self::Prefix(_) | Self::Hash, _) => Cell::Null,
        }
    }
}

impl Reference<'_> {
    /// Whether a rule of a policy holds for a row, on clear values.
    fn row_rule(&self, table: usize, row: usize, rule: &RowRule) -> Truth {
        match rule {
            RowRule::Own(rule) => self.rule(table, row, rule),
            RowRule::Among(column, values) => {
                let cell = &self.world.tables[table].rows[row][*column];
                if cell.is_null() {
                    return None;
                }
                Some(values.iter().any(|value| cell.same(value)))
            }
            RowRule::Attribute(rule) => rule.holds(&self.world.tables[table].rows[row]),
            RowRule::Related(link, inner) => {
                let to = self.world.tables[table].links[*link].to;
                let partner = self.follow(self.ground(table, None), row, &[*link]);
                Some(partner.is_some_and(|there| self.row_rule(to, there, inner) == Some(true)))
            }
            RowRule::InRows(set) => {
                let value = &self.world.tables[table].rows[row][set.column];
                if value.is_null() {
                    return Some(false);
                }
                let there = &self.world.tables[set.table].rows;
                let found = there.iter().enumerate().any(|(other, cells)| {
                    cells[set.of].same(value) && self.holds(set.table, other, set.rows.as_ref())
                });
                Some(found != set.negated)
            }
            RowRule::All(parts) => all(parts.iter().map(|part| self.row_rule(table, row, part))),
            RowRule::Any(parts) => any(parts.iter().map(|part| self.row_rule(table, row, part))),
        }
    }

    fn holds(&self, table: usize, row: usize, rule: Option<&RowRule>) -> bool {
        let holds = |rule: &RowRule| self.row_rule(table, row, rule) == Some(true);
        rule.is_none_or(|rule| !rule.is_void() && holds(rule))
    }

    /// Whether a row belongs to nothing, or to what is shown: over each of the relationships.
    fn belongs(&self, policies: &Policies, of: &Propagation, table: usize, row: usize) -> bool {
        let ways = self.world.ways(of);
        let mut own = ways.iter().filter(|(from, _)| *from == table);
        own.all(|(_, link)| {
            let to = &self.world.tables[table].links[*link];
            if to.columns().any(|column| self.world.tables[table].rows[row][column].is_null()) {
                return true;
            }
            let there = self.follow(self.ground(table, None), row, &[*link]);
            there.is_some_and(|there| match to.to == of.table {
                true => !self.showing(policies, of.table, there).is_empty(),
                false => self.belongs(policies, of, to.to, there),
            })
        })
    }

    /// The grants that show a row, which no restriction or denial takes away again.
    fn showing<'p>(&self, policies: &'p Policies, table: usize, row: usize) -> Vec<&'p Grant> {
        if policies.denies_table(table) {
            return Vec::new();
        }
        let mut remains = policies.restrictions.iter().filter(|(of, _)| *of == table);
        if !remains.all(|(_, rule)| self.holds(table, row, Some(rule))) {
            return Vec::new();
        }
        let mut above = policies.propagations.iter();
        if !above.all(|propagation| self.belongs(policies, propagation, table, row)) {
            return Vec::new();
        }
        let of_table = |grant: &&Grant| grant.table == table && !grant.described;
        let grants = policies.grants.iter().filter(of_table);
        grants.filter(|grant| self.holds(table, row, grant.rows.as_ref())).collect()
    }
}

/// The cell of a row that some grants show, by those of them that show the row.
fn cell(cell: &Cell, column: usize, grants: &[&Grant]) -> Cell {
    let shows = |grant: &&&Grant| !grant.hidden.contains(&column);
    if grants.iter().filter(shows).any(|grant| grant.mask(column).is_none()) {
        return cell.clone();
    }
    let mask = grants.iter().filter(shows).find_map(|grant| grant.mask(column));
    mask.map_or(Cell::Null, |mask| mask.of(cell))
}

impl World {
    /// The relationships over which rows go with those of a table.
    pub fn ways(&self, of: &Propagation) -> Vec<(usize, usize)> {
        if let Some(over) = &of.over {
            return over.clone();
        }
        let mut ways: Vec<(usize, usize)> = Vec::new();
        loop {
            let before = ways.len();
            for (from, table) in self.tables.iter().enumerate() {
                for (at, link) in table.links.iter().enumerate() {
                    let further = ways.iter().any(|(there, _)| *there == link.to);
                    if (link.to == of.table || further) && !ways.contains(&(from, at)) {
                        ways.push((from, at));
                    }
                }
            }
            if ways.len() == before {
                return ways;
            }
        }
    }

    /// Which rows of a stored table somebody sees whom these policies concern.
    pub fn shown(&self, policies: &Policies, table: usize) -> Vec<bool> {
        let stored = Reference::new(self);
        let rows = 0..self.tables[table].rows.len();
        rows.map(|row| !stored.showing(policies, table, row).is_empty()).collect()
    }

    /// What somebody sees whom these policies concern, and may ask about: what he may only know of
    /// is hidden as well. Rows still lead where their stored keys say.
    #[must_use]
    pub fn seen(&self, policies: &Policies) -> Self {
        let mut seen = self.clone();
        seen.scope.clone_from(&policies.scope);
        let stored = Reference::new(self);
        let mut calculated = Vec::new();
        for (index, table) in self.tables.iter().enumerate() {
            let of_table =
                |grant: &&Grant| grant.table == index && !grant.described && !grant.lacks();
            let grants: Vec<&Grant> = policies.grants.iter().filter(of_table).collect();
            let shown = &mut seen.tables[index];
            shown.hidden = grants.is_empty() || policies.denies_table(index);
            let sizes = policies.min_group_sizes.iter().filter(|(of, _)| *of == index);
            shown.min_group_size = sizes.map(|(_, rows)| *rows).max();
            let from = table.validity.map(|(from, _)| from);
            // Rows of a history are told apart by when they begin as well.
            let tell: Vec<usize> = table.keys().chain(from).collect();
            // One for which no row can pass says nothing of values.
            let live = || {
                let empty = |rows: &RowRule| rows.empty_list().is_some();
                grants.iter().copied().filter(move |grant| !grant.rows.as_ref().is_some_and(empty))
            };
            let told = |column: &usize| {
                let clear =
                    |grant: &Grant| grant.shows(&[*column]) && grant.mask(*column).is_none();
                let everywhere = |grant: &Grant| grant.rows.is_none() && clear(grant);
                let shows = live().all(clear) || live().any(everywhere);
                live().next().is_some() && shows && !policies.denies_column(index, *column)
            };
            shown.told_apart &= tell.iter().all(told);
            let columns = 0..table.columns.len();
            for column in columns.clone() {
                let made_of = table.made_of(column);
                let denied = made_of.iter().any(|of| policies.denies_column(index, *of));
                let shows = |grant: &&Grant| grant.shows(&made_of);
                shown.columns[column].hidden = denied || !grants.iter().any(shows);
                let wholly = |grant: &Grant| grant.rows.is_none() && grant.shows(&made_of);
                let by_all = live().all(|grant| grant.shows(&made_of)) || live().any(wholly);
                shown.columns[column].masked = !by_all || !made_of.iter().all(told);
            }
            for column in columns.clone() {
                // What it is computed from may be of another table.
                if table.columns[column].calculated.is_some() {
                    calculated.push((index, column));
                }
            }
            if table.derived.is_some() {
                // Its rows are those of the tables below it, as he sees them.
                for column in columns {
                    let clear = |grant: &&Grant| grant.mask(column).is_none();
                    let mut shows = grants.iter().copied().filter(|g| !g.hidden.contains(&column));
                    if !shows.clone().any(|grant| clear(&grant)) {
                        let mask = shows.find_map(|grant| grant.mask(column));
                        shown.columns[column].mask = mask.cloned();
                    }
                }
                let masked = table.keys().filter(|key| shown.columns[*key].mask.is_some());
                for key in masked.collect::<Vec<_>>() {
                    // Its rows are the same things, by whatever name they are told.
                    let Column { name, kind, .. } = &table.columns[key];
                    let stands = shown.columns.len();
                    match key == table.key {
                        true => shown.key = stands,
                        false => shown.rest = Some(stands),
                    }
                    let clear = Column::new(&format!("#{name}"), *kind);
                    shown.columns.push(Column { hidden: true, ..clear });
                }
                continue;
            }
            let mut keys: Vec<usize> = table.keys().collect();
            keys.extend(table.links.iter().flat_map(Link::columns));
            // Versions are seen by stored times.
            keys.extend(columns.clone().filter(|column| table.columns[*column].kind.is_time()));
            for key in &keys {
                let column = &table.columns[*key];
                let (name, kind) = (format!("#{}", column.name), column.kind);
                if kind.is_time() {
                    shown.columns[*key].clear = Some(shown.columns.len());
                }
                shown.columns.push(Column { hidden: true, ..Column::new(&name, kind) });
            }
            let stands =
                |key: usize| columns.end + keys.iter().position(|k| *k == key).unwrap_or(0);
            shown.key = stands(table.key);
            shown.rest = table.rest.map(stands);
            for link in &mut shown.links {
                link.column = stands(link.column);
                link.rest = link.rest.map(stands);
            }
            shown.rows.clear();
            let calculated = columns.clone().filter(|at| table.columns[*at].calculated.is_some());
            let mut shown_in: Vec<(usize, Vec<usize>, Vec<bool>)> =
                calculated.map(|at| (at, table.made_of(at), Vec::new())).collect();
            for (row, cells) in table.rows.iter().enumerate() {
                let of_row = stored.showing(policies, index, row);
                if of_row.is_empty() {
                    continue;
                }
                let mut found: Vec<Cell> =
                    columns.clone().map(|column| cell(&cells[column], column, &of_row)).collect();
                found.extend(keys.iter().map(|key| cells[*key].clone()));
                shown.rows.push(found);
                for (_, made_of, shown_in) in &mut shown_in {
                    shown_in.push(of_row.iter().any(|grant| grant.shows(made_of)));
                }
            }
            for (column, _, rows) in shown_in {
                shown.columns[column].shown_in = rows.contains(&false).then_some(rows);
            }
        }
        for (index, metric) in seen.metrics.iter_mut().enumerate() {
            let described = policies.described_metrics.contains(&index);
            metric.hidden |= described || policies.denies_metric(index);
        }
        for (table, column) in calculated {
            let of = self.tables[table].columns[column].calculated.as_ref();
            if of.is_some_and(|of| !seen.shows_inputs(table, of)) {
                seen.tables[table].columns[column].hidden = true;
            }
        }
        seen.mask_what_is_made();
        seen.calculate();
        seen
    }

    /// What a derived table has of masked columns is masked as well, and what is calculated of it.
    fn mask_what_is_made(&mut self) {
        for table in 0..self.tables.len() {
            let of = &self.tables[table];
            let Some(question) = &of.derived else { continue };
            let below =
                self.tables.iter().find(|table| Some(&table.name) == question.table.as_ref());
            let is_masked = |column: usize| {
                let name = &of.columns[column].name;
                let listed = question.fields.iter().chain(&question.group_by);
                let listed = listed.map(|asked| (&asked.alias, Some(&asked.field)));
                let numbers = question.aggregations.iter();
                let numbers = numbers.map(|asked| (&asked.alias, asked.field.as_ref()));
                let mut made = listed.chain(numbers).filter(|(alias, _)| *alias == name);
                let field = made.next().and_then(|(_, field)| field);
                field.zip(below).is_some_and(|(field, below)| {
                    below.columns.iter().any(|known| known.name == *field && known.masked)
                })
            };
            let columns = 0..of.columns.len();
            let masked = columns.map(|column| of.made_of(column).into_iter().any(is_masked));
            let masked: Vec<bool> = masked.collect();
            for (column, masked) in self.tables[table].columns.iter_mut().zip(masked) {
                column.masked |= masked;
            }
        }
    }

    /// The time of what is computed from a table: the table's, unless another is named. The asker
    /// may not see it.
    pub(super) fn time_of(&self, table: usize, named: Option<usize>) -> Option<usize> {
        let table = &self.tables[table];
        named.or(table.time).filter(|time| !table.columns[*time].hidden)
    }

    /// Whether nothing is hidden of what a measure of a table is computed from.
    pub fn shows_measure(&self, table: usize, measure: &Measure) -> bool {
        let mut columns: Vec<usize> = measure.column.iter().copied().collect();
        measure.filter.iter().for_each(|rule| rule.columns(&mut columns));
        let of = &self.tables[table];
        !of.hidden && columns.iter().all(|column| !of.columns[*column].hidden)
    }

    /// Whether a metric is not hidden, nor anything that it is computed from.
    pub fn shows(&self, metric: usize) -> bool {
        self.shows_as(metric, true)
    }

    /// The same where the numbers of a metric are added up, or where they are not, so that nothing
    /// is required of them.
    fn shows_as(&self, metric: usize, added_up: bool) -> bool {
        if self.metrics[metric].hidden {
            return false;
        }
        let on = |table: usize, columns: &[usize]| {
            let of = &self.tables[table];
            !of.hidden && columns.iter().all(|column| !of.columns[*column].hidden)
        };
        let input_as = |input: &Input, added_up: bool| {
            let mut columns = Vec::new();
            input.filter.iter().for_each(|rule| rule.columns(&mut columns));
            let table = match &self.metrics[input.metric].calculation {
                Calculation::Simple { table, .. } => Some(*table),
                _ => None,
            };
            self.shows_as(input.metric, added_up) && table.is_none_or(|table| on(table, &columns))
        };
        let input = |input: &Input| input_as(input, true);
        match &self.metrics[metric].calculation {
            Calculation::Simple { table, column, filter, semi, .. } => {
                let mut columns: Vec<usize> = column.iter().copied().collect();
                filter.iter().for_each(|rule| rule.columns(&mut columns));
                columns.extend(semi.iter().flat_map(|semi| semi.per.iter().chain([&semi.over])));
                // What has to be grouped by or narrowed is told to whoever asks.
                columns.extend(self.metrics[metric].requires.iter().filter(|_| added_up));
                on(*table, &columns)
            }
            Calculation::Ratio(a, b) => input(a) && input(b),
            Calculation::Derived(_, inputs) => inputs.iter().all(input),
            Calculation::Cumulative(of, _) => input(of),
            Calculation::Conversion { base, follows, on: pairs, .. } => {
                let own = |of: &Input, columns: &[usize]| match &self.metrics[of.metric].calculation
                {
                    // Which of two comes first is told by their times.
                    Calculation::Simple { table, time, .. } => {
                        on(*table, columns) && self.time_of(*table, *time).is_some()
                    }
                    _ => false,
                };
                let (here, there): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
                let follow = input_as(follows, false);
                input(base) && follow && own(base, &here) && own(follows, &there)
            }
        }
    }
}

impl Rule {
    /// The columns that it looks at.
    pub(crate) fn columns(&self, found: &mut Vec<usize>) {
        match self {
            Self::Compare(column, ..)
            | Self::Part(column, ..)
            | Self::Bucket(column, ..)
            | Self::IsNull(column) => found.push(*column),
            Self::And(a, b) | Self::Or(a, b) => {
                a.columns(found);
                b.columns(found);
            }
            Self::Not(inner) => inner.columns(found),
        }
    }
}
