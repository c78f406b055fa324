//! How far access to a metric goes.

use sandbar_auth::Principal;
use sandbar_catalog::expr::Expr;
use sandbar_catalog::{
    CollectionId, Conversion, FieldId, FieldPath, Leaf, Metric, MetricId, TableId,
};

use crate::grants::{Grants, Refusal};
use crate::level::Level;

impl Grants {
    /// How far access to a metric goes: its collection's and that of every metric it is written
    /// over, and no further than the inputs of them all.
    pub fn metric_level(&self, id: MetricId) -> Level {
        let metric = self.snapshot.metric(id);
        let inputs = metric.leaves.iter().map(|leaf| self.leaf_level(leaf)).min();
        inputs.unwrap_or(Level::None).min(self.metric_grants(metric))
    }

    fn leaf_level(&self, leaf: &Leaf) -> Level {
        let fields = leaf_fields(leaf);
        let mut level = self.inputs_level(&fields).min(self.table_level(leaf.table));
        // Fields are lifted, and not the tables on the way to them: rows stay those of who asks.
        let of_table = |id: TableId| self.table_level(id);
        level = level.min(self.least(&lifted_fields(leaf), &of_table, &|_| Level::Query));
        if let Some(conversion) = &leaf.conversion {
            let fields = conversion_fields(conversion);
            level = level.min(self.inputs_level(&fields)).min(self.table_level(conversion.table));
        }
        level
    }

    /// The least of what is granted of a metric and of those it is written over.
    fn metric_grants(&self, metric: &Metric) -> Level {
        let all = std::iter::once(&metric.id).chain(&metric.uses);
        all.map(|id| self.metric_grant(*id)).min().unwrap_or(Level::None)
    }

    /// Whether and why not a metric may be queried.
    ///
    /// # Errors
    /// The refusal to answer with; a hidden metric is [`Refusal::Absent`]. The missing attribute
    /// is named only where nothing but void grants of its tables hides the metric.
    pub fn may_ask(&self, id: MetricId) -> Result<(), Refusal> {
        match self.metric_level(id) {
            Level::Query => Ok(()),
            Level::Describe => Err(Refusal::DescribeOnly),
            Level::None => Err(self.lacking(id).map_or(Refusal::Absent, Refusal::MissingAttribute)),
        }
    }

    /// The attribute without which a metric is hidden, if with it the metric would be visible.
    pub(crate) fn lacking(&self, id: MetricId) -> Option<String> {
        let metric = self.snapshot.metric(id);
        let of_table = |id: TableId| self.access(id).promised();
        let of_field = |id: FieldId| self.access(id.table()).promised_field(id);
        let mut promised = self.metric_grants(metric);
        let mut tables = Vec::new();
        for leaf in &metric.leaves {
            let mut read = vec![(leaf.table, leaf_fields(leaf), &leaf.inputs)];
            if let Some(conversion) = &leaf.conversion {
                read.push((conversion.table, conversion_fields(conversion), &conversion.inputs));
            }
            let lifted = lifted_fields(leaf);
            promised = promised.min(self.least(&lifted, &of_table, &|_| Level::Query));
            for (table, fields, inputs) in read {
                promised = promised.min(self.least(&fields, &of_table, &of_field));
                promised = promised.min(of_table(table));
                tables.push(table);
                let steps = inputs.iter().flat_map(|path| &path.via);
                tables.extend(steps.map(|step| self.snapshot.relationship(*step).to));
            }
        }
        if promised == Level::None {
            return None;
        }
        let voids = tables.into_iter().map(|id| &self.access(id).void);
        voids.flatten().map(|void| void.attribute.clone()).next()
    }

    fn metric_grant(&self, id: MetricId) -> Level {
        let Some(principal) = &self.principal else { return Level::Query };
        let concerns = |policy: &usize| self.policies.concerns(*policy, principal);
        let metric = self.snapshot.metric(id);
        if self.policies.metric_denials.get(&id).is_some_and(|d| d.iter().any(concerns)) {
            return Level::None;
        }
        let explicit = self.policies.metric_grants.get(&id);
        let explicit = explicit
            .into_iter()
            .flatten()
            .filter(|(policy, _)| concerns(policy))
            .map(|(_, level)| *level)
            .max();
        match metric.collection {
            None => explicit.unwrap_or(Level::Query),
            Some(collection) => {
                let (granted, denied) = self.collection_access(collection, principal);
                if denied { Level::None } else { granted.max(explicit.unwrap_or(Level::None)) }
            }
        }
    }

    pub(crate) fn collection_access(
        &self,
        start: CollectionId,
        principal: &Principal,
    ) -> (Level, bool) {
        let concerns = |policy: &usize| self.policies.concerns(*policy, principal);
        let (mut granted, mut denied) = (Level::None, false);
        let mut at = Some(start);
        while let Some(id) = at {
            let grants = self.policies.collection_grants.get(&id).into_iter().flatten();
            let here = grants.filter(|(policy, _)| concerns(policy)).map(|(_, level)| *level).max();
            granted = granted.max(here.unwrap_or(Level::None));
            denied |=
                self.policies.collection_denials.get(&id).is_some_and(|d| d.iter().any(concerns));
            at = self.snapshot.collection(id).parent;
        }
        (granted, denied)
    }
}

/// The fields that a leaf names with its author's rights.
fn lifted_fields(leaf: &Leaf) -> Vec<FieldPath> {
    let lifted = leaf.expressions().filter(|_| leaf.definer.is_some());
    lifted.flat_map(Expr::fields).cloned().collect()
}

/// The fields that a leaf names with the rights of who asks, of its own table and related ones.
fn leaf_fields(leaf: &Leaf) -> Vec<FieldPath> {
    let asked = leaf.expressions().filter(|_| leaf.definer.is_none());
    let mut fields: Vec<FieldPath> = asked.flat_map(Expr::fields).cloned().collect();
    // What a question has to group by or to narrow is told to who asks.
    fields.extend(leaf.requires.iter().copied().map(FieldPath::own));
    if let Some(semi) = &leaf.semi_additive {
        fields.push(FieldPath::own(semi.over));
        fields.extend(semi.per.iter().cloned());
    }
    if leaf.window.is_some() || !leaf.shifts.is_empty() || leaf.conversion.is_some() {
        fields.extend(leaf.time.map(FieldPath::own));
    }
    if let Some(conversion) = &leaf.conversion {
        fields.extend(conversion.on.iter().map(|(own, _)| own.clone()));
    }
    fields
}

/// The fields that a conversion names of the events that follow.
fn conversion_fields(conversion: &Conversion) -> Vec<FieldPath> {
    let filters = conversion.filters.iter().flat_map(Expr::fields).cloned();
    let keys = conversion.on.iter().map(|(_, theirs)| theirs.clone());
    filters.chain(keys).chain([FieldPath::own(conversion.time)]).collect()
}
