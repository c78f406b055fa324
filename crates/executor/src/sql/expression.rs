//! Expressions over the columns of a query in waiting.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Case, WindowFunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Like, Operator, SortExpr, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowFunctionDefinition,
};

use super::cast::scale;
use super::literal::{Family, bare, family, string, typed};
use super::node::position;
use super::rows::Cell;
use super::{NoSqlText, SqlDialect};

/// How strongly the parts of a text hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binding {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Atom,
}

/// Where expressions stand: over which columns.
pub(super) struct Scope<'s> {
    pub(super) dialect: SqlDialect,
    pub(super) schema: &'s DFSchema,
    pub(super) cells: &'s [Cell],
}

impl<'s> Scope<'s> {
    pub(super) fn cell(&self, column: &Column) -> Result<&'s Cell, NoSqlText> {
        let cell = self.cells.get(position(self.schema, column)?);
        cell.ok_or_else(|| NoSqlText::Unknown(format!("the column {}", column.name)))
    }

    pub(super) fn type_of(&self, expr: &Expr) -> Result<DataType, NoSqlText> {
        let found = expr.get_type(self.schema);
        found.map_err(|_| NoSqlText::Unknown("an expression without a type".to_owned()))
    }

    /// An expression that stands alone: its type is that of the plan.
    pub(super) fn value(&self, expr: &Expr) -> Result<String, NoSqlText> {
        match expr {
            Expr::Literal(value, _) => typed(value, self.dialect),
            other => self.at(other, Binding::Or),
        }
    }

    /// The same, so that anything can be put before or behind it.
    pub(super) fn atom(&self, expr: &Expr) -> Result<String, NoSqlText> {
        match expr {
            Expr::Literal(value, _) => typed(value, self.dialect),
            other => self.at(other, Binding::Atom),
        }
    }

    /// An expression as a part of one that binds like this.
    pub(super) fn at(&self, expr: &Expr, binding: Binding) -> Result<String, NoSqlText> {
        let (text, own) = self.written(expr)?;
        Ok(if own < binding { format!("({text})") } else { text })
    }

    fn written(&self, expr: &Expr) -> Result<(String, Binding), NoSqlText> {
        Ok(match expr {
            Expr::Alias(alias) => self.written(&alias.expr)?,
            Expr::Column(column) => match self.cell(column)? {
                Cell::Plain(text) => (text.clone(), Binding::Atom),
                Cell::Computed(_) | Cell::Periods(..) => {
                    return Err(NoSqlText::Unknown(format!("the column {}", column.name)));
                }
            },
            Expr::Literal(value, _) => {
                let text = bare(value, self.dialect)?;
                let negative = text.starts_with('-');
                (text, if negative { Binding::Sum } else { Binding::Atom })
            }
            Expr::BinaryExpr(both) => self.both(both)?,
            Expr::Not(inner) => {
                (format!("NOT {}", self.at(inner, Binding::Comparison)?), Binding::Not)
            }
            Expr::IsNull(inner) => self.is(inner, "IS NULL")?,
            Expr::IsNotNull(inner) => self.is(inner, "IS NOT NULL")?,
            Expr::IsTrue(inner) => self.is(inner, "IS TRUE")?,
            Expr::IsNotTrue(inner) => self.is(inner, "IS NOT TRUE")?,
            Expr::IsFalse(inner) => self.is(inner, "IS FALSE")?,
            Expr::IsNotFalse(inner) => self.is(inner, "IS NOT FALSE")?,
            Expr::Negative(inner) => {
                (format!("- {}", self.at(inner, Binding::Atom)?), Binding::Sum)
            }
            Expr::InList(list) => {
                let data_type = self.type_of(&list.expr)?;
                let mut items = Vec::with_capacity(list.list.len());
                for item in &list.list {
                    self.comparable(&data_type, &self.type_of(item)?)?;
                    items.push(self.at(item, Binding::Or)?);
                }
                let word = if list.negated { "NOT IN" } else { "IN" };
                let value = self.at(&list.expr, Binding::Sum)?;
                (format!("{value} {word} ({})", items.join(", ")), Binding::Comparison)
            }
            Expr::Like(like) => (self.like(like)?, Binding::Comparison),
            Expr::Case(case) => (self.case(case)?, Binding::Atom),
            Expr::Cast(cast) => {
                (self.cast(&cast.expr, cast.field.data_type(), true)?, Binding::Atom)
            }
            Expr::TryCast(cast) => {
                (self.cast(&cast.expr, cast.field.data_type(), false)?, Binding::Atom)
            }
            Expr::ScalarFunction(call) => (self.call(call)?, Binding::Atom),
            other => return Err(NoSqlText::Unknown(other.variant_name().to_owned())),
        })
    }

    fn is(&self, inner: &Expr, word: &str) -> Result<(String, Binding), NoSqlText> {
        Ok((format!("{} {word}", self.at(inner, Binding::Sum)?), Binding::Comparison))
    }

    fn both(&self, both: &BinaryExpr) -> Result<(String, Binding), NoSqlText> {
        let (word, binding) = match both.op {
            Operator::And => ("AND", Binding::And),
            Operator::Or => ("OR", Binding::Or),
            Operator::Eq => ("=", Binding::Comparison),
            Operator::NotEq => ("<>", Binding::Comparison),
            Operator::Lt => ("<", Binding::Comparison),
            Operator::LtEq => ("<=", Binding::Comparison),
            Operator::Gt => (">", Binding::Comparison),
            Operator::GtEq => (">=", Binding::Comparison),
            Operator::IsDistinctFrom => ("IS DISTINCT FROM", Binding::Comparison),
            Operator::IsNotDistinctFrom => ("IS NOT DISTINCT FROM", Binding::Comparison),
            Operator::Plus => ("+", Binding::Sum),
            Operator::Minus => ("-", Binding::Sum),
            Operator::StringConcat => ("||", Binding::Sum),
            Operator::Multiply => ("*", Binding::Product),
            Operator::Divide => ("/", Binding::Product),
            other => return Err(NoSqlText::Unknown(format!("the operator {other}"))),
        };
        match binding {
            Binding::Comparison => {
                let (a, b) = (self.type_of(&both.left)?, self.type_of(&both.right)?);
                self.comparable(&a, &b)?;
                let mut left = self.at(&both.left, Binding::Sum)?;
                let ordered = matches!(
                    both.op,
                    Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
                );
                if ordered {
                    left = self.by_bytes(left, &a)?;
                }
                let right = self.at(&both.right, Binding::Sum)?;
                Ok((format!("{left} {word} {right}"), binding))
            }
            Binding::Sum | Binding::Product => {
                let data_type = self.type_of(&Expr::BinaryExpr(both.clone()))?;
                // Constants tell their types here, and what is equal to an operand is none of it.
                let (mut left, right) = (self.atom(&both.left)?, self.atom(&both.right)?);
                if let DataType::Decimal128(digits, _) = data_type
                    && !is_long(&self.type_of(&both.right)?)
                {
                    left = self.long(left, &self.type_of(&both.left)?, digits)?;
                }
                let text = format!("{left} {word} {right}");
                match (&data_type, both.op) {
                    (DataType::Float64, _) => Ok((text, binding)),
                    (DataType::Decimal128(..), Operator::Divide) => {
                        Err(NoSqlText::Unknown("a division of decimals".to_owned()))
                    }
                    (DataType::Decimal128(..), _) => Ok((
                        format!("CAST({text} AS {})", self.type_name(&data_type)?),
                        Binding::Atom,
                    )),
                    (_, Operator::StringConcat) => Ok((text, binding)),
                    _ => Err(NoSqlText::Unknown(format!("{word} of {data_type}"))),
                }
            }
            _ => {
                let (left, right) = (self.at(&both.left, binding)?, self.at(&both.right, binding)?);
                Ok((format!("{left} {word} {right}"), binding))
            }
        }
    }

    /// One of two numbers of which the other is short, for a result of so many digits. Where
    /// neither is long, DuckDB has no room for a result that is, and fails.
    pub(super) fn long(
        &self,
        text: String,
        of: &DataType,
        digits: u8,
    ) -> Result<String, NoSqlText> {
        if self.dialect != SqlDialect::DuckDb || is_long(of) || digits <= SHORT {
            return Ok(text);
        }
        let long = self.type_name(&DataType::Decimal128(digits, scale(of)))?;
        Ok(format!("CAST({text} AS {long})"))
    }

    pub(super) fn type_name(&self, data_type: &DataType) -> Result<String, NoSqlText> {
        super::literal::type_name(data_type, self.dialect)
    }

    /// Whether values of two types are compared as the plan does.
    pub(super) fn comparable(&self, a: &DataType, b: &DataType) -> Result<(), NoSqlText> {
        let (one, other) = (family(a, self.dialect)?, family(b, self.dialect)?);
        if one == other || one == Family::Null || other == Family::Null {
            return Ok(());
        }
        let (left, right) = (a.to_string(), b.to_string());
        Err(NoSqlText::Comparison { left, right, dialect: self.dialect })
    }

    /// A text that is ordered by its bytes; anything else as it is.
    pub(super) fn by_bytes(&self, text: String, of: &DataType) -> Result<String, NoSqlText> {
        Ok(match (self.dialect, family(of, self.dialect)?) {
            (SqlDialect::Postgres, Family::Text) => format!("{text} COLLATE \"C\""),
            _ => text,
        })
    }

    fn case(&self, case: &Case) -> Result<String, NoSqlText> {
        if case.expr.is_some() {
            return Err(NoSqlText::Unknown("CASE of a value".to_owned()));
        }
        let mut text = "CASE".to_owned();
        for (when, then) in &case.when_then_expr {
            let (when, then) = (self.at(when, Binding::Or)?, self.value(then)?);
            text.push_str(&format!(" WHEN {when} THEN {then}"));
        }
        if let Some(otherwise) = &case.else_expr {
            text.push_str(&format!(" ELSE {}", self.value(otherwise)?));
        }
        text.push_str(" END");
        Ok(text)
    }

    fn like(&self, like: &Like) -> Result<String, NoSqlText> {
        let Expr::Literal(pattern, _) = like.pattern.as_ref() else {
            return Err(NoSqlText::Unknown("LIKE of a pattern that is no constant".to_owned()));
        };
        if like.escape_char.is_some_and(|escape| escape != '\\') {
            return Err(NoSqlText::Unknown("LIKE with another escape".to_owned()));
        }
        let Some(Some(pattern)) = pattern.try_as_str() else {
            return Err(NoSqlText::Constant(self.dialect));
        };
        let escapes = pattern.chars().rev().take_while(|c| *c == '\\').count();
        if escapes % 2 == 1 {
            return Err(NoSqlText::Unknown("LIKE of a pattern that ends in its escape".to_owned()));
        }
        let word = if like.negated { "NOT LIKE" } else { "LIKE" };
        let (value, pattern) = if like.case_insensitive {
            (self.in_lower_case(&like.expr, pattern)?, pattern.to_ascii_lowercase())
        } else {
            (self.at(&like.expr, Binding::Sum)?, pattern.to_owned())
        };
        Ok(format!("{value} {word} {} ESCAPE '\\'", string(&pattern, self.dialect)?))
    }

    /// A text with the letters of a pattern in lower case, and with what is the same letter to
    /// DataFusion: the long s, and the sign of Kelvin.
    fn in_lower_case(&self, value: &Expr, pattern: &str) -> Result<String, NoSqlText> {
        let cased = |c: char| c.to_lowercase().ne(std::iter::once(c)) || c.is_lowercase();
        if pattern.chars().any(|c| !c.is_ascii() && (cased(c) || c.is_alphabetic())) {
            return Err(NoSqlText::Letters(self.dialect));
        }
        let (mut from, mut to) = (String::new(), String::new());
        for letter in 'a'..='z' {
            if !pattern.chars().any(|c| c.eq_ignore_ascii_case(&letter)) {
                continue;
            }
            let others = match letter {
                's' => "\u{17f}",
                'k' => "\u{212a}",
                _ => "",
            };
            for other in std::iter::once(letter.to_ascii_uppercase()).chain(others.chars()) {
                from.push(other);
                to.push(letter);
            }
        }
        let value = self.at(value, Binding::Sum)?;
        if from.is_empty() {
            return Ok(value);
        }
        Ok(format!("translate({value}, '{from}', '{to}')"))
    }

    pub(super) fn sorted(&self, key: &SortExpr) -> Result<String, NoSqlText> {
        let text = self.at(&key.expr, Binding::Sum)?;
        let text = self.by_bytes(text, &self.type_of(&key.expr)?)?;
        let order = if key.asc { "ASC" } else { "DESC" };
        let nulls = if key.nulls_first { "FIRST" } else { "LAST" };
        Ok(format!("{text} {order} NULLS {nulls}"))
    }

    pub(super) fn aggregate(
        &self,
        function: &AggregateFunction,
        result: &DataType,
    ) -> Result<String, NoSqlText> {
        let params = &function.params;
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return Err(NoSqlText::Unknown("an aggregation of an order".to_owned()));
        }
        let name = function.func.name();
        let (argument, share) = match params.args.as_slice() {
            [argument] => (argument, None),
            [argument, Expr::Literal(ScalarValue::Float64(Some(share)), _)] => {
                (argument, Some(*share))
            }
            _ => return Err(self.no_function(name)),
        };
        let filter = match &params.filter {
            Some(filter) => format!(" FILTER (WHERE {})", self.at(filter, Binding::Or)?),
            None => String::new(),
        };
        match share {
            Some(share) => self.percentile(name, argument, share, params.distinct, &filter),
            None => self.aggregation(name, argument, params.distinct, &filter, result),
        }
    }

    /// A percentile. Of those that tell one of the values databases take the rank from doubles,
    /// which is the right one where the share is some 1024ths.
    fn percentile(
        &self,
        name: &str,
        argument: &Expr,
        share: f64,
        distinct: bool,
        behind: &str,
    ) -> Result<String, NoSqlText> {
        let postgres = self.dialect == SqlDialect::Postgres;
        let exact = (share * 1024.0).fract() == 0.0;
        let (theirs, word) = match name {
            "exact_percentile" => ("percentile_cont", "quantile_cont"),
            "exact_percentile_disc" if exact => ("percentile_disc", "quantile_disc"),
            _ => return Err(self.no_function(name)),
        };
        let value = self.value(argument)?;
        Ok(match (postgres, distinct) {
            (true, true) => return Err(self.no_function(name)),
            (true, false) => format!("{theirs}({share}) WITHIN GROUP (ORDER BY {value}){behind}"),
            (false, true) => format!("{word}(DISTINCT {value}, {share}){behind}"),
            (false, false) => format!("{word}({value}, {share}){behind}"),
        })
    }

    /// An aggregation with what stands behind its arguments.
    fn aggregation(
        &self,
        name: &str,
        argument: &Expr,
        distinct: bool,
        behind: &str,
        result: &DataType,
    ) -> Result<String, NoSqlText> {
        let data_type = self.type_of(argument)?;
        let postgres = self.dialect == SqlDialect::Postgres;
        let of = family(&data_type, self.dialect)?;
        if name == "count"
            && !distinct
            && let Expr::Literal(value, _) = argument
            && !value.is_null()
        {
            return Ok(format!("count(*){behind}"));
        }
        let value = self.value(argument)?;
        let word = if distinct { "DISTINCT " } else { "" };
        let plain = |name: &str| format!("{name}({word}{value}){behind}");
        Ok(match (name, of) {
            ("count", _) => plain("count"),
            ("min", Family::Boolean) if postgres => format!("bool_and({value}){behind}"),
            ("max", Family::Boolean) if postgres => format!("bool_or({value}){behind}"),
            ("min" | "max", Family::Text) if postgres => {
                let value = self.atom(argument)?;
                format!("({name}({value} COLLATE \"C\"){behind}) COLLATE \"default\"")
            }
            ("min" | "max", _) => plain(name),
            ("sum" | "checked_sum", Family::Number) => match (&data_type, result) {
                (DataType::Float64, _) => plain("sum"),
                (_, DataType::Int64 | DataType::Decimal128(..)) => {
                    format!("CAST({} AS {})", plain("sum"), self.type_name(result)?)
                }
                _ => return Err(self.no_function("sum")),
            },
            ("avg" | "stddev" | "stddev_pop" | "var" | "var_pop", Family::Number)
                if data_type == DataType::Float64 =>
            {
                match name {
                    "stddev" => plain("stddev_samp"),
                    "var" => plain("var_samp"),
                    name => plain(name),
                }
            }
            _ => return Err(self.no_function(name)),
        })
    }

    pub(super) fn window(&self, expr: &Expr) -> Result<String, NoSqlText> {
        let Expr::WindowFunction(function) = expr else {
            return Err(NoSqlText::Unknown(expr.variant_name().to_owned()));
        };
        let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(aggregate), params } =
            function.as_ref()
        else {
            return Err(self.no_function(function.fun.name()));
        };
        let ([argument], None, None, false) =
            (params.args.as_slice(), &params.filter, &params.null_treatment, params.distinct)
        else {
            return Err(self.no_function(aggregate.name()));
        };
        let mut over = Vec::new();
        if !params.partition_by.is_empty() {
            let keys = params.partition_by.iter().map(|key| self.at(key, Binding::Or));
            over.push(format!("PARTITION BY {}", keys.collect::<Result<Vec<_>, _>>()?.join(", ")));
        }
        if !params.order_by.is_empty() {
            let keys = params.order_by.iter().map(|key| self.sorted(key));
            over.push(format!("ORDER BY {}", keys.collect::<Result<Vec<_>, _>>()?.join(", ")));
        }
        over.push(frame(&params.window_frame)?);
        let behind = format!(" OVER ({})", over.join(" "));
        let result = self.type_of(expr)?;
        self.aggregation(aggregate.name(), argument, false, &behind, &result)
    }

    pub(super) fn no_function(&self, name: &str) -> NoSqlText {
        NoSqlText::Function { function: name.to_owned(), dialect: self.dialect }
    }
}

/// The digits that DuckDB keeps in 64 bits.
const SHORT: u8 = 18;

/// Whether a decimal has more digits than that.
fn is_long(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(digits, _) | DataType::Decimal256(digits, _) => *digits > SHORT,
        _ => false,
    }
}

fn frame(frame: &WindowFrame) -> Result<String, NoSqlText> {
    let bound = |bound: &WindowFrameBound| -> Result<String, NoSqlText> {
        let (rows, way) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_owned()),
            WindowFrameBound::Preceding(rows) => (rows, "PRECEDING"),
            WindowFrameBound::Following(rows) => (rows, "FOLLOWING"),
        };
        match rows {
            rows if rows.is_null() => Ok(format!("UNBOUNDED {way}")),
            ScalarValue::UInt64(Some(rows)) => Ok(format!("{rows} {way}")),
            _ => Err(NoSqlText::Unknown("a window of another size".to_owned())),
        }
    };
    if frame.units != WindowFrameUnits::Rows {
        return Err(NoSqlText::Unknown("a window of values".to_owned()));
    }
    let (start, end) = (bound(&frame.start_bound)?, bound(&frame.end_bound)?);
    Ok(format!("ROWS BETWEEN {start} AND {end}"))
}
