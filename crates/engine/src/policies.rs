//! The doors of a policy author: what policies leave open, what a change of them gives or takes,
//! and whether they do what their cases say. Each wants an `Administrator`.

use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::TableId;
use sandbar_catalog::query::{Aggregation, SemanticQuery};
use sandbar_permissions::{
    Administrator, Coverage, Grants, PolicyDefinitions, PolicyDiff, PolicySet, Purpose, Refusal,
};
use serde::Serialize;
use tracing::Instrument;

use crate::answer::Answer;
use crate::call::Call;
use crate::decision::Action;
use crate::engine::{Engine, Inner};
use crate::error::{Error, ErrorKind};
use crate::request::{Request, instant};
use crate::session::Session;
use crate::world::World;

/// What a change of policies gives or takes, and how many rows.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PolicyComparison {
    /// What changes, whatever the data and the attributes are.
    #[serde(flatten)]
    pub diff: PolicyDiff,
    /// How many rows somebody gains or loses, for the tables whose rows change for his groups.
    pub samples: Vec<SampleRows>,
}

/// How many rows of a table one person gains or loses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SampleRows {
    /// Who it is: a name of the samples, or a group.
    pub who: String,
    /// His groups.
    pub groups: Vec<String>,
    /// The table.
    pub table: String,
    /// How many rows he saw.
    pub before: u64,
    /// How many he sees.
    pub after: u64,
    /// How many of those he did not see before.
    pub gained: u64,
    /// How many he sees no longer.
    pub lost: u64,
    /// Why he sees none: an attribute that is missing, before or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whose rows are counted in a comparison of policies.
#[derive(Clone, Debug, Default)]
pub struct DiffSamples {
    /// The attributes of somebody in each of the groups for which something changes.
    pub attributes: Vec<(String, AttributeValue)>,
    /// Others, by name; of them, too, only what changes for their groups is counted.
    pub people: Vec<(String, Principal)>,
}

impl PolicyComparison {
    /// Whether nothing changes for anybody.
    pub fn is_empty(&self) -> bool {
        self.diff.is_empty()
    }
}

impl fmt::Display for PolicyComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.diff)?;
        if !self.samples.is_empty() {
            writeln!(f, "rows")?;
        }
        for sample in &self.samples {
            let SampleRows { who, table, before, after, gained, lost, note, .. } = sample;
            write!(f, "  {who}: {table} {before} → {after} (+{gained} -{lost})")?;
            match note {
                Some(note) => writeln!(f, ": {note}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl Engine {
    /// What the policies leave open, or say in vain: who sees everything, what nobody sees, what
    /// is declared for nothing.
    ///
    /// # Errors
    /// None so far.
    pub fn policy_coverage_as(&self, administrator: &Administrator) -> Result<Coverage, Error> {
        Call::open(self.inner(), Action::PolicyCoverage, None).run(|call| {
            let world = self.inner().world.load_full();
            call.snapshot(world.version);
            Ok(world.policies.coverage(&world.snapshot, administrator))
        })
    }

    /// What changes for whom when `newer` policies take the place of the engine's. They need not
    /// be used for that; [`Engine::reload`] does it.
    ///
    /// # Errors
    /// Every problem of the newer policies at once; attributes of the samples that are declared
    /// neither before nor after; whatever goes wrong while rows are counted.
    pub async fn policy_diff_as(
        &self,
        administrator: &Administrator,
        newer: &PolicyDefinitions,
        samples: &DiffSamples,
    ) -> Result<PolicyComparison, Error> {
        let mut call = Call::open(self.inner(), Action::PolicyDiff, None);
        let world = self.inner().world.load_full();
        call.snapshot(world.version);
        let span = call.span();
        let work = compared(self.inner(), &world, administrator, newer, samples);
        let result = work.instrument(span).await;
        call.closed(result)
    }
}

async fn compared(
    inner: &Arc<Inner>,
    world: &Arc<World>,
    administrator: &Administrator,
    newer: &PolicyDefinitions,
    samples: &DiffSamples,
) -> Result<PolicyComparison, Error> {
    let snapshot = &world.snapshot;
    let newer = Arc::new(newer.check(snapshot).map_err(Error::policies)?);
    let given = samples.attributes.iter().map(|(name, _)| name.as_str());
    let undeclared = world.policies.undeclared(&newer, given);
    if !undeclared.is_empty() {
        return Err(Error::policies(undeclared));
    }
    let diff = world.policies.diff(&newer, snapshot, administrator);
    let mut people: Vec<(String, Principal)> = Vec::new();
    for group in &diff.groups {
        let [name] = group.groups.as_slice() else { continue };
        let mut builder = Principal::asserted_by_host(name).group(name);
        for (attribute, value) in &samples.attributes {
            builder = builder.attribute(attribute, value.clone());
        }
        people.extend(builder.build().ok().map(|principal| (format!("group {name}"), principal)));
    }
    people.extend(samples.people.iter().cloned());
    let counting = Counting { inner, world, newer: &newer, administrator };
    let mut rows = Vec::new();
    for (who, principal) in &people {
        let mut tables = tables_of(&diff, principal);
        // What several of his groups change together is told for each of them, or of nobody.
        let (old, new) =
            (world.policies.grants(snapshot, principal), newer.grants(snapshot, principal));
        let all = snapshot.tables().iter().map(|table| table.id);
        let changed = all.filter(|table| old.rows_differ(&new, *table, administrator));
        let missed: Vec<TableId> = changed.filter(|table| !tables.contains(table)).collect();
        tables.extend(missed);
        for table in tables {
            // The rows of a derived table are made of others, which are counted themselves.
            if snapshot.derived(table).is_none() {
                rows.push(counting.sample(who, principal, table).await?);
            }
        }
    }
    Ok(PolicyComparison { diff, samples: rows })
}

/// The tables whose rows change for somebody in these groups.
fn tables_of(diff: &PolicyDiff, principal: &Principal) -> Vec<TableId> {
    let his = |group: &String| principal.groups().contains(group);
    let mut tables = Vec::new();
    for group in diff.groups.iter().filter(|group| group.groups.iter().all(his)) {
        for table in group.tables() {
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
    }
    tables
}

struct Counting<'w> {
    inner: &'w Arc<Inner>,
    world: &'w Arc<World>,
    newer: &'w Arc<PolicySet>,
    administrator: &'w Administrator,
}

impl Counting<'_> {
    async fn sample(
        &self,
        who: &str,
        principal: &Principal,
        table: TableId,
    ) -> Result<SampleRows, Error> {
        let snapshot = &self.world.snapshot;
        let old = self.world.policies.grants(snapshot, principal);
        let new = self.newer.grants(snapshot, principal);
        let note = self.note(&new, table, "under the new policies");
        let note = note.or_else(|| self.note(&old, table, "under the old policies"));
        let either = old.rows_of_either(&new, self.administrator);
        // The rows of each alone, as numbers: however few they are.
        let old = old.rows_of_either(&old, self.administrator);
        let new = new.rows_of_either(&new, self.administrator);
        let before = self.count(principal, old, table).await?;
        let after = self.count(principal, new, table).await?;
        let either = self.count(principal, either, table).await?;
        Ok(SampleRows {
            who: who.to_owned(),
            groups: principal.groups().to_vec(),
            table: snapshot.table(table).name.clone(),
            before,
            after,
            gained: either.saturating_sub(before),
            lost: either.saturating_sub(after),
            note,
        })
    }

    /// Why somebody sees nothing of a table that he would see with another attribute.
    fn note(&self, grants: &Grants, table: TableId, when: &str) -> Option<String> {
        match grants.may_query(table) {
            Err(Refusal::MissingAttribute(name)) => Some(format!(
                "{when}, attribute `{name}` is wanted, and is missing or has the wrong type"
            )),
            _ => None,
        }
    }

    /// How many rows of a table these grants show; none of one that they do not.
    async fn count(
        &self,
        principal: &Principal,
        grants: Grants,
        table: TableId,
    ) -> Result<u64, Error> {
        if grants.may_query(table).is_err() {
            return Ok(0);
        }
        let session = Session::new(Arc::clone(self.inner), principal.clone());
        let (turn, allowance) = session.turn().await?;
        let request = Request {
            world: Arc::clone(self.world),
            grants: Arc::new(grants),
            now: instant(self.inner.now())?,
            allowance,
            purpose: Purpose::Answer,
        };
        let name = &self.world.snapshot.table(table).name;
        let query = SemanticQuery::table(name).aggregate(Aggregation::new("count"));
        let started = session.started(Arc::new(query), &request, turn).await?;
        let answer = Answer::new(started, None);
        let counted = answer.collect().await?;
        let column = counted.batches().iter().find(|batch| batch.num_rows() > 0);
        let column = column.and_then(|batch| batch.columns().first());
        let column = column.filter(|column| *column.data_type() == DataType::Int64);
        let count = column.map(|column| column.as_primitive::<Int64Type>().value(0));
        count.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "E0900", "the question cannot be answered")
        })
    }
}
