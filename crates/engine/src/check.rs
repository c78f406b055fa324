//! Model, policies and sources checked together: everything that is wrong with any of them, in one
//! report.

use std::collections::BTreeSet;
use std::sync::Arc;

use sandbar_catalog::{Finding, Report, Snapshot, SourceSchemas};
use sandbar_executor::source::Sources;
use sandbar_permissions::{Administrator, PolicySet};
use sandbar_query_planner::derive;

use crate::builder::{Model, Settings};
use crate::declared::{Declared, MISDECLARED};
use crate::error::Error;
use crate::request::instant;

/// A model that is right, with what it reads.
pub(crate) struct Checked {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) sources: Sources,
}

/// Opens what can be opened and checks everything. One mistake is told once: what may only follow
/// from another problem is left out.
pub(crate) async fn check(settings: &Settings, model: &Model) -> Result<Checked, Error> {
    let mut declared = Declared::of(model, settings);
    let specs = std::mem::take(&mut declared.specs);
    let (sources, problems) = Sources::open_some(&settings.state, specs).await;
    let mut unopened = std::mem::take(&mut declared.findings);
    unopened.extend(problems.iter().map(|problem| declared.unopened(problem)));

    let mut schemas = sources.iter().fold(SourceSchemas::new(), |all, (name, schema, identity)| {
        all.with(name, Arc::clone(schema), identity)
    });
    for (one, other) in sources.shared() {
        schemas = schemas.sharing(one, other);
    }
    for name in unopened.iter().filter_map(|finding| finding.problem.path.split('.').nth(1)) {
        schemas = schemas.unopened(name);
    }
    for name in model.definitions.unread_sources() {
        schemas = schemas.unopened(name);
    }
    let (mut snapshot, mut wrong) = model.definitions.check_as_far_as_it_goes(&schemas);
    if wrong.is_empty() && unopened.is_empty() {
        // Queries are read against a model that is right otherwise.
        let administrator = Administrator::asserted_by_host();
        (snapshot, wrong) = derive(snapshot, &administrator, instant((settings.clock)())?)?;
    }
    let policies = model.policies.check(&snapshot);
    match (policies, wrong.is_empty() && unopened.is_empty()) {
        (Ok(policies), true) => {
            Ok(Checked { snapshot: Arc::new(snapshot), policies: Arc::new(policies), sources })
        }
        (Err(report), true) => Err(Error::policies(report)),
        (policies, false) => {
            let doubt = Doubt::of(&wrong, &unopened, &model.policies.problems());
            let policies = policies.err().unwrap_or_default();
            let certain = policies.findings().iter().filter(|finding| doubt.allows(finding));
            let certain = Report::new(certain.cloned().collect());
            Err(refusal(wrong, unopened, certain))
        }
    }
}

fn refusal(model: Report, sources: Vec<Finding>, policies: Report) -> Error {
    let misdeclared = sources.iter().all(|finding| finding.problem.code == MISDECLARED);
    let only_sources = model.is_empty();
    let all = model.and(Report::new(sources)).and(policies);
    match (only_sources, misdeclared) {
        (false, _) => Error::model(all),
        (true, true) => Error::misdeclared(all),
        (true, false) => Error::sources(all),
    }
}

/// What cannot be said of policies while a model has problems.
#[derive(Default)]
struct Doubt {
    /// Whole kinds of definitions could not be read.
    everything: bool,
    /// Some table may lack fields or their types.
    tables: bool,
    /// Some metric may be missing, because of itself or of what it is made of.
    metrics: bool,
    /// What the problems are about.
    names: BTreeSet<String>,
    /// The paths of what could not be read of the policies.
    unread: Vec<String>,
}

impl Doubt {
    fn of(model: &Report, sources: &[Finding], unread: &Report) -> Self {
        let unopened = !sources.is_empty();
        let mut doubt = Self { tables: unopened, metrics: unopened, ..Self::default() };
        let unread = unread.findings().iter().map(|finding| finding.problem.path.clone());
        doubt.unread = unread.collect();
        for finding in model.findings() {
            let path: Vec<&str> = finding.problem.path.split('.').collect();
            match path.as_slice() {
                ["format" | "defaults", ..] => {}
                // A part of a table: a field, a relationship.
                ["tables", _, _, name, ..] | ["tables", name, ..] | ["sources", name, ..] => {
                    (doubt.tables, doubt.metrics) = (true, true);
                    doubt.names.insert((*name).to_owned());
                }
                ["metrics" | "collections", name, ..] => {
                    doubt.metrics = true;
                    doubt.names.insert((*name).to_owned());
                }
                _ => doubt.everything = true,
            }
        }
        doubt
    }

    /// Whether a problem of the policies is one for certain.
    fn allows(&self, finding: &Finding) -> bool {
        match finding.problem.code {
            // A metric that is not there; where relationships lead, and of what derived tables are.
            "P0104" | "P0118" | "P0119" => !self.everything && !self.metrics,
            // A table, field or collection that is not there.
            "P0102" | "P0103" | "P0105" => {
                let mut quoted = finding.problem.message.split('`').skip(1).step_by(2);
                !self.everything && !quoted.any(|name| self.names.contains(name))
            }
            // Conditions and masks, which need the types of fields; sources in common.
            "P0101" | "P0108" | "P0109" | "P0110" | "P0113" => !self.everything && !self.tables,
            // What a policy lacks, unless it is there and could not be read.
            "P0111" => {
                let within = format!("{}.", finding.problem.path);
                !self.unread.iter().any(|path| path.starts_with(&within))
            }
            // The policies' own grammar, groups and attributes.
            _ => true,
        }
    }
}
