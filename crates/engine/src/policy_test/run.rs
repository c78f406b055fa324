//! Cases are asked one after the other, each as its person and in a call of its own, within that of
//! the whole test.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sandbar_catalog::decode::Problem;
use sandbar_catalog::{Finding, Report};
use sandbar_permissions::{
    Administrator, CheckedCases, ExpectedRefusal, Grants, Level, PolicyCase,
};
use sandbar_query_planner::{QueryError, resolve};
use tracing::Instrument;

use super::{CaseDifference, CaseOutcome, PolicyCases, PolicyTestReport, compare};
use crate::answer::{Answer, Collected};
use crate::call::Call;
use crate::decision::Action;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::request::instant;
use crate::session::Session;
use crate::world::World;

/// A question of a case that nobody could ask.
const UNASKABLE: &str = "P0122";

impl Engine {
    /// Asks every case, and tells which do not hold, and why. What is told names what is hidden;
    /// values of rows stand in it only where a case expects rows, or a total, and gets others.
    ///
    /// # Errors
    /// Every problem of the cases at once, each with file, line and column: a case that would hold
    /// whatever the policies say is one, such as a question that not even an administrator could
    /// ask. A case that does not hold is no error.
    pub async fn policy_test_as(
        &self,
        administrator: &Administrator,
        cases: &PolicyCases,
    ) -> Result<PolicyTestReport, Error> {
        let mut call = Call::open(self.inner(), Action::PolicyTest, None);
        let span = call.span();
        let result = self.tested(administrator, cases, &mut call).instrument(span).await;
        call.closed(result)
    }

    async fn tested(
        &self,
        administrator: &Administrator,
        cases: &PolicyCases,
        call: &mut Call,
    ) -> Result<PolicyTestReport, Error> {
        let world = self.inner().world.load_full();
        call.snapshot(world.version);
        let checked = self.checked(&world, administrator, cases)?;
        drop(world);
        let mut outcomes = Vec::with_capacity(checked.cases.len());
        for case in &checked.cases {
            let session = self.session(case.asker.clone());
            let session = match case.now.and_then(time) {
                Some(now) => session.at(now),
                None => session,
            };
            outcomes.push(CaseOutcome {
                name: case.name.clone(),
                origin: case.origin.clone(),
                subject: case.asker.subject().to_owned(),
                groups: case.asker.groups().to_vec(),
                differences: asked(&session, case).await,
            });
        }
        Ok(PolicyTestReport { cases: outcomes })
    }

    /// The cases, if every question could be asked by somebody who sees everything.
    fn checked(
        &self,
        world: &World,
        administrator: &Administrator,
        cases: &PolicyCases,
    ) -> Result<CheckedCases, Error> {
        let checked = cases.check(&world.policies, &world.snapshot, administrator);
        let checked = checked.map_err(Error::cases)?;
        let all = world.policies.all(&world.snapshot, administrator);
        let mut findings = Vec::new();
        for case in &checked.cases {
            let Some(query) = &case.query else { continue };
            let now = instant(case.now.and_then(time).unwrap_or_else(|| self.inner().now()))?;
            let problems = match resolve(&query.value, &all, &world.compiled, now) {
                Ok(_) => continue,
                Err(QueryError::Problems(problems)) => problems,
                Err(error) => return Err(error.into()),
            };
            for problem in problems {
                let message = format!("nobody could ask this: {} {problem}", problem.code);
                let (place, path) = (query.place, query.path.clone());
                let problem = Problem { code: UNASKABLE, place, path, message, suggestion: None };
                findings.push(Finding { file: Some(case.file.clone()), problem });
            }
        }
        if findings.is_empty() { Ok(checked) } else { Err(Error::cases(Report::new(findings))) }
    }
}

/// An instant of a case.
fn time(micros: i64) -> Option<SystemTime> {
    let since = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) }
}

/// What differs from what a case expects.
async fn asked(session: &Session, case: &PolicyCase) -> Vec<CaseDifference> {
    let mut call = session.open(Action::PolicyCase);
    let span = call.span();
    let admitted = session.admitted(&mut call).instrument(span.clone()).await;
    let looked: Result<_, Error> = span.in_scope(|| {
        let (turn, allowance) = admitted?;
        let request = session.request(&mut call, allowance)?;
        let differences = names(case, &request.grants);
        Ok((request, turn, differences))
    });
    let (request, turn, mut differences) = match looked {
        Ok(looked) => looked,
        Err(error) => {
            let difference = CaseDifference::new("answer", expected(case), failure(&error));
            call.failed(&error);
            return vec![difference];
        }
    };
    let Some(query) = &case.query else {
        call.answered();
        return differences;
    };
    let query = Arc::new(query.value.clone());
    let answer = match session.started(query, &request, turn).instrument(span).await {
        Ok(started) => {
            call.started(&started, &request.world.snapshot);
            Answer::new(started, Some(call)).collect().await
        }
        Err(error) => call.closed(Err(error)),
    };
    differences.extend(of_answer(case, answer));
    differences
}

/// The names that are not as visible as the case expects.
fn names(case: &PolicyCase, grants: &Grants) -> Vec<CaseDifference> {
    let found = case.names.iter().map(|name| (name, name.level_for(grants)));
    let wrong = found.filter(|(name, found)| *found != name.level);
    wrong
        .map(|(name, found)| CaseDifference::new(&name.name, word(name.level), word(found)))
        .collect()
}

fn of_answer(case: &PolicyCase, answer: Result<Collected, Error>) -> Vec<CaseDifference> {
    let told = |found: String| vec![CaseDifference::new("answer", expected(case), found)];
    match (&case.refused, answer) {
        (None, Ok(answer)) => compare::answer(case, &answer),
        (Some(_), Ok(answer)) => told(format!("an answer of {}", compare::rows(answer.num_rows()))),
        (Some(refused), Err(error)) if is_refused(refused, &error) => Vec::new(),
        (_, Err(error)) => told(failure(&error)),
    }
}

fn is_refused(expected: &ExpectedRefusal, error: &Error) -> bool {
    match expected {
        ExpectedRefusal::Denied => error.kind() == ErrorKind::Denied,
        ExpectedRefusal::NotFound => error.kind() == ErrorKind::NotFound,
        ExpectedRefusal::Code(code) => error.code() == code,
    }
}

fn expected(case: &PolicyCase) -> String {
    match &case.refused {
        None => "an answer".to_owned(),
        Some(ExpectedRefusal::Denied) => "denied".to_owned(),
        Some(ExpectedRefusal::NotFound) => "not_found".to_owned(),
        Some(ExpectedRefusal::Code(code)) => code.clone(),
    }
}

/// What a failure is, in the words of a case, and what it says.
fn failure(error: &Error) -> String {
    let word = match error.kind() {
        ErrorKind::Denied => "denied",
        ErrorKind::NotFound => "not_found",
        other => other.name(),
    };
    format!("{word}: {} {error}", error.code())
}

fn word(level: Level) -> &'static str {
    match level {
        Level::None => "hidden",
        Level::Describe => "described",
        Level::Query => "visible",
    }
}
