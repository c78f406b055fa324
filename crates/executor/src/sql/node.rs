//! The nodes of a plan, each by a rule of its own.

use datafusion::common::{Column, DFSchema, JoinType, NullEquality, ScalarValue};
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, Join, Limit, LogicalPlan, Projection, Sort, TableScan, Union, Window,
};
use sandbar_query_planner::{Barrier, Meaning};

use super::expression::{Binding, Scope};
use super::rows::{Cell, Rows, Writer, column_names, exists, select, unlike};
use super::{NoSqlText, SqlDialect, quoted};

impl Writer {
    pub(super) fn node(&mut self, plan: &LogicalPlan) -> Result<Rows, NoSqlText> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => {
                let mut rows = self.node(&alias.input)?;
                rows.hint = alias.alias.table().replace('.', "_");
                Ok(rows)
            }
            LogicalPlan::Extension(extension) => {
                let node = extension.node.as_any().downcast_ref::<Barrier>();
                match (node, extension.node.inputs().first()) {
                    (Some(_), Some(input)) => {
                        let rows = self.node(input)?;
                        self.closed(&rows, input.schema())
                    }
                    _ => Err(unknown(plan)),
                }
            }
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Sort(sort) => self.sort(sort),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Ok(Rows {
                from: Vec::new(),
                ..Rows::of(String::new(), Vec::new(), "periods".to_owned())
            }),
            LogicalPlan::Unnest(unnest) => {
                let rows = self.node(&unnest.input)?;
                match unnest.list_type_columns.as_slice() {
                    [(list, _)] if unnest.struct_type_columns.is_empty() => {
                        self.each_period(&rows, unnest.input.schema(), *list)
                    }
                    _ => Err(unknown(plan)),
                }
            }
            other => Err(unknown(other)),
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Result<Rows, NoSqlText> {
        if !scan.filters.is_empty() || scan.fetch.is_some() {
            return Err(NoSqlText::Unknown("a scan with conditions".to_owned()));
        }
        let table = scan.table_name.table();
        if self.dialect == SqlDialect::DuckDb {
            // DuckDB renames the second of two columns that differ in case only.
            let schema = scan.source.schema();
            let mut names: Vec<String> =
                schema.fields().iter().map(|field| field.name().to_lowercase()).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            if names.len() < all {
                let name = table.to_owned();
                return Err(NoSqlText::Name { name, dialect: self.dialect });
            }
        }
        let alias = self.fresh(table);
        let fields = scan.projected_schema.fields().iter();
        let cell = |name: &str| Cell::Plain(format!("{}.{}", quoted(&alias), quoted(name)));
        let cells = fields.map(|field| cell(field.name())).collect();
        let from = format!("{} AS {}", quoted(table), quoted(&alias));
        Ok(Rows::of(from, cells, table.to_owned()))
    }

    fn filter(&mut self, filter: &Filter) -> Result<Rows, NoSqlText> {
        let schema = filter.input.schema();
        let rows = self.node(&filter.input)?;
        let mut rows = self.open(rows, schema, &[&filter.predicate])?;
        let mut all = Vec::new();
        conjuncts(&filter.predicate, &mut all);
        for condition in all {
            let text = self.scope(schema, &rows).at(condition, Binding::Not)?;
            rows.filters.push(text);
        }
        Ok(rows)
    }

    fn projection(&mut self, projection: &Projection) -> Result<Rows, NoSqlText> {
        let schema = projection.input.schema();
        let rows = self.node(&projection.input)?;
        let read: Vec<&Expr> = projection.expr.iter().collect();
        // A list of periods can be passed on where it is read alone.
        let passed = |expr: &&Expr| matches!(unaliased(expr), Expr::Column(_));
        let computed: Vec<&Expr> = read.iter().filter(|expr| !passed(expr)).copied().collect();
        let mut rows = self.readable(rows, schema, &computed)?;
        let scope = self.scope(schema, &rows);
        let mut cells = Vec::with_capacity(read.len());
        for expr in read {
            cells.push(cell(expr, &scope)?);
        }
        rows.cells = cells;
        Ok(rows)
    }

    fn join(&mut self, join: &Join) -> Result<Rows, NoSqlText> {
        if join.null_aware {
            return Err(NoSqlText::Unknown("a join that knows NULL".to_owned()));
        }
        let (left, right) = (join.left.schema(), join.right.schema());
        let (near, far) = (self.node(&join.left)?, self.node(&join.right)?);
        let near_keys: Vec<&Expr> = join.on.iter().map(|(near, _)| near).collect();
        let far_keys: Vec<&Expr> = join.on.iter().map(|(_, far)| far).collect();
        match join.join_type {
            JoinType::Left | JoinType::Inner => {
                let near = self.joinable(near, left)?;
                let mut far = self.joinable(far, right)?;
                if far.from.len() > 1 {
                    far = self.step(&far, right)?;
                }
                let mut conditions = self.keys_equal(join, &near, &far)?;
                let mut cells = near.cells;
                cells.extend(far.cells.iter().cloned());
                if let Some(filter) = &join.filter {
                    let scope =
                        Scope { dialect: self.dialect, schema: &join.schema, cells: &cells };
                    conditions.push(scope.at(filter, Binding::Not)?);
                }
                let word = if join.join_type == JoinType::Left { "LEFT JOIN" } else { "JOIN" };
                let mut from = near.from;
                let on = conditions.join(" AND ");
                from.extend(far.from.iter().map(|far| format!("{word} {far} ON {on}")));
                Ok(Rows { from, ..Rows::of(String::new(), cells, near.hint) })
            }
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                if join.filter.is_some() {
                    return Err(NoSqlText::Unknown("a semi-join with a condition".to_owned()));
                }
                let mut near = self.open(near, left, &near_keys)?;
                let mut far = self.open(far, right, &far_keys)?;
                let keys = self.keys_equal(join, &near, &far)?;
                far.filters.extend(keys);
                let exists = exists(&far);
                match join.join_type {
                    JoinType::LeftMark => near.cells.push(Cell::Computed(exists)),
                    JoinType::LeftAnti => near.filters.push(format!("NOT {exists}")),
                    _ => near.filters.push(exists),
                }
                Ok(near)
            }
            _ => Err(NoSqlText::Unknown(format!("a join of the type {}", join.join_type))),
        }
    }

    fn keys_equal(&self, join: &Join, near: &Rows, far: &Rows) -> Result<Vec<String>, NoSqlText> {
        let near = self.scope(join.left.schema(), near);
        let far = self.scope(join.right.schema(), far);
        let word = match join.null_equality {
            NullEquality::NullEqualsNothing => "=",
            NullEquality::NullEqualsNull => "IS NOT DISTINCT FROM",
        };
        let mut conditions = Vec::with_capacity(join.on.len());
        for (ours, theirs) in &join.on {
            near.comparable(&near.type_of(ours)?, &far.type_of(theirs)?)?;
            let (ours, theirs) = (near.at(ours, Binding::Sum)?, far.at(theirs, Binding::Sum)?);
            conditions.push(format!("{ours} {word} {theirs}"));
        }
        Ok(conditions)
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Rows, NoSqlText> {
        let schema = aggregate.input.schema();
        let rows = self.node(&aggregate.input)?;
        let read: Vec<&Expr> = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).collect();
        let mut rows = self.open(rows, schema, &read)?;
        let scope = self.scope(schema, &rows);
        let mut cells = Vec::with_capacity(read.len());
        for (expr, field) in read.iter().zip(aggregate.schema.fields()) {
            let text = match unaliased(expr) {
                Expr::AggregateFunction(function) => {
                    scope.aggregate(function, field.data_type())?
                }
                Expr::GroupingSet(_) => return Err(NoSqlText::Unknown("GROUPING SETS".to_owned())),
                other => scope.value(other)?,
            };
            cells.push(Cell::Computed(text));
        }
        rows.cells = cells;
        let names = column_names(&aggregate.schema);
        let mut text = select(&rows, &names, "  ")?;
        if !aggregate.group_expr.is_empty() {
            let keys: Vec<String> =
                (1..=aggregate.group_expr.len()).map(|n| n.to_string()).collect();
            text.push_str(&format!("\n  GROUP BY {}", keys.join(", ")));
        }
        Ok(self.text_step(&format!("{}_grouped", ungrouped(&rows.hint)), &text, names))
    }

    fn window(&mut self, window: &Window) -> Result<Rows, NoSqlText> {
        let schema = window.input.schema();
        let rows = self.node(&window.input)?;
        let read: Vec<&Expr> = window.window_expr.iter().collect();
        let mut rows = self.open(rows, schema, &read)?;
        let mut texts = Vec::with_capacity(read.len());
        for expr in read {
            texts.push(Cell::Computed(self.scope(schema, &rows).window(unaliased(expr))?));
        }
        let mut names = column_names(schema);
        for number in 1..=texts.len() {
            names.push(unlike(&names, &format!("window_{number}")));
        }
        rows.cells.extend(texts);
        let text = select(&rows, &names, "  ")?;
        Ok(self.text_step(&rows.hint, &text, names))
    }

    fn union(&mut self, union: &Union) -> Result<Rows, NoSqlText> {
        let names = column_names(&union.schema);
        let mut texts = Vec::with_capacity(union.inputs.len());
        for input in &union.inputs {
            let rows = self.node(input)?;
            let mut rows = self.open(rows, input.schema(), &[])?;
            let scope = self.scope(input.schema(), &rows);
            let mut cells = Vec::with_capacity(names.len());
            let types = input.schema().fields().iter().zip(union.schema.fields());
            for (cell, (own, common)) in rows.cells.iter().zip(types) {
                cells.push(match cell {
                    Cell::Plain(text) | Cell::Computed(text) => Cell::Computed(scope.converted(
                        text.clone(),
                        own.data_type(),
                        common.data_type(),
                    )?),
                    other => other.clone(),
                });
            }
            rows.cells = cells;
            texts.push(select(&rows, &names, "  ")?);
        }
        Ok(self.text_step("together", &texts.join("\n  UNION ALL\n"), names))
    }

    fn sort(&mut self, sort: &Sort) -> Result<Rows, NoSqlText> {
        let schema = sort.input.schema();
        let rows = self.node(&sort.input)?;
        let read: Vec<&Expr> = sort.expr.iter().map(|key| &key.expr).collect();
        let mut rows = self.open(rows, schema, &read)?;
        let mut order = Vec::with_capacity(read.len());
        for key in &sort.expr {
            order.push(self.scope(schema, &rows).sorted(key)?);
        }
        rows.order = order;
        rows.limit = sort.fetch.and_then(|fetch| u64::try_from(fetch).ok());
        Ok(rows)
    }

    fn limit(&mut self, limit: &Limit) -> Result<Rows, NoSqlText> {
        let skip = limit.skip.as_deref().map(whole).transpose()?.unwrap_or(0);
        if skip != 0 {
            return Err(NoSqlText::Unknown("rows that are skipped".to_owned()));
        }
        let fetch = limit.fetch.as_deref().map(whole).transpose()?;
        let rows = self.node(&limit.input)?;
        let schema = limit.input.schema();
        let mut rows = if rows.limit.is_some() { self.step(&rows, schema)? } else { rows };
        rows.limit = fetch;
        Ok(rows)
    }
}

/// A column of a projection.
fn cell(expr: &Expr, scope: &Scope<'_>) -> Result<Cell, NoSqlText> {
    match unaliased(expr) {
        Expr::Column(column) => scope.cell(column).cloned(),
        Expr::ScalarFunction(call) => match Meaning::of(&call.func) {
            Some(meaning @ (Meaning::Reported(_) | Meaning::Gap(..))) => {
                let args = call.args.iter().map(|arg| scope.value(arg));
                Ok(Cell::Periods(meaning, args.collect::<Result<_, _>>()?))
            }
            _ => Ok(Cell::Computed(scope.value(expr)?)),
        },
        other => Ok(Cell::Computed(scope.value(other)?)),
    }
}

pub(super) fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

fn conjuncts<'e>(expr: &'e Expr, into: &mut Vec<&'e Expr>) {
    match expr {
        Expr::BinaryExpr(both) if both.op == datafusion::logical_expr::Operator::And => {
            conjuncts(&both.left, into);
            conjuncts(&both.right, into);
        }
        other => into.push(other),
    }
}

fn whole(expr: &Expr) -> Result<u64, NoSqlText> {
    let number = match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => u64::try_from(*number).ok(),
        Expr::Literal(ScalarValue::UInt64(Some(number)), _) => Some(*number),
        _ => None,
    };
    number.ok_or_else(|| NoSqlText::Unknown("a limit that is not a number".to_owned()))
}

fn ungrouped(hint: &str) -> &str {
    hint.strip_suffix("_grouped").unwrap_or(hint)
}

fn unknown(plan: &LogicalPlan) -> NoSqlText {
    let text = plan.display().to_string();
    let name = text.split([':', ' ']).next().unwrap_or_default();
    NoSqlText::Unknown(name.to_owned())
}

/// The position of a column in a schema.
pub(super) fn position(schema: &DFSchema, column: &Column) -> Result<usize, NoSqlText> {
    let found = schema.maybe_index_of_column(column);
    found.ok_or_else(|| NoSqlText::Unknown(format!("the column {}", column.name)))
}
