//! Questions in several steps: asked now and answered later, page by page.

use std::sync::Arc;

use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::time::Grain;
use sandbar_executor::{Allowance, Deadline, Overflow};
use sandbar_query_planner::{authorize, resolve};

use crate::answer::Collected;
use crate::decision::Action;
use crate::error::Error;
use crate::session::Session;

impl Session {
    /// Whether a question can be asked: its names, types and rights are looked at, and no data.
    ///
    /// # Errors
    /// As for [`Session::query`], as far as that is known without running it.
    pub fn check(&self, query: &SemanticQuery) -> Result<(), Error> {
        let deadline = Deadline::starting_now(self.limits.time);
        let allowance = Allowance { limits: self.limits.clone(), deadline, permit: None };
        self.open(Action::Construct).run(|call| {
            let request = self.request(call, allowance)?;
            let (grants, compiled) = (&request.grants, &request.world.compiled);
            let resolved = resolve(query, grants, compiled, request.now)?;
            authorize(resolved, grants)?;
            Ok(())
        })
    }

    /// Some rows of an answer: at most `rows` of them, and no more than an answer may have, without
    /// the first `skip`. The whole up to there is computed each time, so that only what has a
    /// determined order falls into pages.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn page(
        &self,
        query: &SemanticQuery,
        skip: u64,
        rows: u64,
    ) -> Result<Collected, Error> {
        let wanted = skip.saturating_add(rows.min(self.limits.rows));
        let asked = query.limit.as_ref().map_or(wanted, |limit| limit.value.min(wanted));
        let limits = self.limits.clone().with_rows(wanted).with_overflow(Overflow::Truncate);
        let session = self.clone().with_limits(limits);
        let answer = session.query(&query.clone().limit(asked)).await?;
        answer.collect_within(skip..u64::MAX).await
    }

    /// What binds something to this asker and what he may see: it changes when the model, its
    /// policies or his attributes do, and not with the token that he comes with.
    pub fn binding(&self) -> [u8; 32] {
        let world = self.inner.world.load();
        let effective = world.policies.effective(&world.snapshot, &self.principal);
        *effective.as_bytes()
    }

    /// The bucket that a time lies in, as a question names it: by its first day, or by its first
    /// instant where it is shorter than a day. Days are those of the model. `None` where the text
    /// is no time.
    pub fn bucket_of(&self, text: &str, grain: Grain) -> Option<String> {
        let world = Arc::clone(&self.inner.world.load());
        world.compiled.bucket_of(text, grain)
    }
}
