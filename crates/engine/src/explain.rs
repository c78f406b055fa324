//! How a question is answered: what its asker may know of that, and what an administrator may.

use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{Snapshot, TableId};
use sandbar_executor::{NoSqlText, Prepared, SqlDialect, sql_text};
use sandbar_permissions::{Administrator, Grants, Level};
use sandbar_query_planner::{AnswerColumn, Outline, QueryPlan, resolve};

use crate::answer::Warning;
use crate::error::Error;
use crate::request::Request;

/// How a question is answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The columns of the answer; empty where the question is refused.
    pub columns: Vec<AnswerColumn>,
    /// Whether anything that is read is narrowed for the asker.
    pub scoped: bool,
    /// Whether the order of the rows is determined.
    pub ordered: bool,
    /// What the asker of it should know about its answer, as far as that is known before.
    pub warnings: Vec<Warning>,
    /// The snapshot that was seen.
    pub snapshot: u64,
    /// Why the question is refused; for the asker.
    pub refusal: Option<Error>,
    /// What the answer is made of: of what the asker may see, or all of it for an administrator.
    /// Empty where the question has a mistake.
    pub outline: Outline,
    /// For an administrator: the policies that concern the asker, table by table.
    pub policies: Vec<PolicyTrace>,
    /// For an administrator: what the asked metrics read that the asker may not see.
    pub hidden: Vec<String>,
    /// For an administrator: the optimised logical plan.
    pub logical_plan: Option<String>,
    /// For an administrator: the physical plan.
    pub physical_plan: Option<String>,
    /// What SQL text is made from; only where an administrator asked.
    plan: Option<QueryPlan>,
}

impl Explanation {
    /// For an administrator: the SQL text of the plan, policies and their values included, or why
    /// there is none that gives the same rows. `None` where there is no plan, or the asker looks.
    ///
    /// Each source is a table of its name there. A column of instants without a zone counts as UTC.
    pub fn sql(&self, dialect: SqlDialect) -> Option<Result<String, NoSqlText>> {
        self.plan.as_ref().map(|plan| sql_text(plan, dialect))
    }
}

/// A policy that concerns an asker, for an administrator's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyTrace {
    /// The table that it narrows.
    pub table: String,
    /// Its name.
    pub policy: String,
    /// The file and line it was written at.
    pub origin: String,
    /// `grant`, `restrict` or `deny`.
    pub effect: &'static str,
    /// The condition as it was written.
    pub rows: Option<String>,
    /// Whether it gives nothing because an attribute is missing or ill-typed.
    pub void: bool,
}

pub(crate) fn for_asker(plan: &QueryPlan, outline: Outline, snapshot: u64) -> Explanation {
    Explanation {
        columns: plan.columns().to_vec(),
        scoped: plan.is_scoped(),
        ordered: plan.is_ordered(),
        warnings: Warning::of(plan),
        snapshot,
        refusal: None,
        outline,
        policies: Vec::new(),
        hidden: Vec::new(),
        logical_plan: None,
        physical_plan: None,
        plan: None,
    }
}

pub(crate) fn in_full(
    plan: &QueryPlan,
    prepared: &Prepared,
    outline: Outline,
    policies: Vec<PolicyTrace>,
    snapshot: u64,
) -> Explanation {
    Explanation {
        policies,
        logical_plan: Some(prepared.logical_text()),
        physical_plan: Some(prepared.physical_text()),
        plan: Some(plan.clone()),
        ..for_asker(plan, outline, snapshot)
    }
}

pub(crate) fn refusal(
    error: Error,
    outline: Outline,
    policies: Vec<PolicyTrace>,
    hidden: Vec<String>,
    snapshot: u64,
) -> Explanation {
    Explanation {
        columns: Vec::new(),
        scoped: false,
        ordered: false,
        warnings: Vec::new(),
        snapshot,
        refusal: Some(error),
        outline,
        policies,
        hidden,
        logical_plan: None,
        physical_plan: None,
        plan: None,
    }
}

/// What the asked metrics read that their asker may not see.
pub(crate) fn hidden(grants: &Grants, query: &SemanticQuery, _: &Administrator) -> Vec<String> {
    let snapshot = grants.snapshot();
    let asked = query.metrics.iter().filter_map(|m| snapshot.find_metric(&m.value.name.value));
    let mut hidden = Vec::new();
    for metric in asked.map(|id| snapshot.metric(id)) {
        // What a metric reads with its author's rights, nobody needs to see.
        for leaf in metric.leaves.iter().filter(|leaf| leaf.definer.is_none()) {
            let own = leaf.inputs.iter().map(|input| (leaf.table, input));
            let events = leaf.conversion.iter();
            let theirs = events.flat_map(|c| c.inputs.iter().map(|input| (c.table, input)));
            for (table, input) in own.chain(theirs) {
                if grants.inputs_level(std::slice::from_ref(input)) > Level::None {
                    continue;
                }
                let (table, field) = (&snapshot.table(table).name, snapshot.path_name(input));
                let told = format!("`{}` reads `{table}.{field}`", metric.name);
                if !hidden.contains(&told) {
                    hidden.push(told);
                }
            }
        }
    }
    hidden
}

/// What a question is made of, and the policies over every table that it reads, whether its asker
/// may see them or not.
pub(crate) fn looked_into(
    request: &Request,
    query: &SemanticQuery,
    administrator: &Administrator,
) -> (Outline, Vec<PolicyTrace>) {
    let (world, grants) = (&request.world, &request.grants);
    let snapshot = grants.snapshot();
    let all = world.policies.all(snapshot, administrator);
    let (outline, tables) = match resolve(query, &all, &world.compiled, request.now) {
        Ok(resolved) => (resolved.outline(&all), resolved.reads()),
        // What it would read if it were right: the tables that it names.
        Err(_) => (Outline::default(), named(query, snapshot)),
    };
    let mut traces = Vec::new();
    for id in tables {
        for applied in grants.applied(id, administrator) {
            traces.push(PolicyTrace {
                table: snapshot.table(id).name.clone(),
                policy: applied.name.to_string(),
                origin: applied.origin.to_string(),
                effect: applied.effect,
                rows: applied.rows.as_deref().map(str::to_owned),
                void: applied.void,
            });
        }
    }
    (outline, traces)
}

fn named(query: &SemanticQuery, snapshot: &Snapshot) -> Vec<TableId> {
    let named = query.table.iter().filter_map(|name| snapshot.find_table(&name.value));
    let metrics = query.metrics.iter().filter_map(|m| snapshot.find_metric(&m.value.name.value));
    let mut tables = Vec::new();
    for table in named.chain(metrics.flat_map(|id| snapshot.metric(id).tables())) {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}
