//! Who may run now: so many queries at a time, and the others wait, asker by asker in turn. What
//! stands for an asker is a name; what he asks is not known here.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use parking_lot::Mutex;

use crate::deadline::Deadline;
use crate::error::RunError;

/// How many queries run at a time, and how many wait for that.
///
/// Whose turn it is goes round among those who wait, so that nobody waits behind all the queries
/// of somebody else. A query that finds the queue full takes the place of the newest one of
/// whoever has the most waiting, if that leaves him no fewer than its own asker; otherwise it is
/// refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admission {
    /// The most queries that run at a time; at least one.
    pub running: usize,
    /// The most queries that wait.
    pub queued: usize,
    /// The most queries of one principal that run at a time; at least one.
    pub per_principal: usize,
    /// What a refused asker is told to wait. It is the same for everybody, so that it says
    /// nothing of what others ask.
    pub retry_after: Duration,
}

impl Default for Admission {
    /// Two for each processor, 64, one for each processor up to four, and a second: nobody runs
    /// more than half of all.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: 2 * processors,
            queued: 64,
            per_principal: processors.min(4),
            retry_after: Duration::from_secs(1),
        }
    }
}

impl Admission {
    /// At most so many at a time.
    #[must_use]
    pub fn with_running(self, running: usize) -> Self {
        Self { running, ..self }
    }

    /// At most so many that wait.
    #[must_use]
    pub fn with_queued(self, queued: usize) -> Self {
        Self { queued, ..self }
    }

    /// At most so many of one principal at a time.
    #[must_use]
    pub fn with_per_principal(self, per_principal: usize) -> Self {
        Self { per_principal, ..self }
    }

    /// What a refused asker is told to wait.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        Self { retry_after, ..self }
    }
}

/// Lets queries in.
#[derive(Debug)]
pub struct Gate {
    admission: Admission,
    state: Mutex<State>,
}

/// The right to run, until it is dropped: whatever plans or runs holds it, wherever it does, so
/// that work which is still under way after its caller has gone is counted.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    asker: Arc<str>,
    /// Whether nobody waits any more for what it is held for.
    left: AtomicBool,
}

/// A query's turn, for as long as somebody waits for what comes of it. Dropped, the query counts as
/// running until its work has come to rest; whoever finds no other place than that one waits for
/// it, also where the queue is full.
#[derive(Debug)]
pub struct Turn(Arc<Permit>);

impl Turn {
    fn new(gate: Arc<Gate>, asker: Arc<str>) -> Self {
        Self(Arc::new(Permit { gate, asker, left: AtomicBool::new(false) }))
    }

    /// The right to run, for what works.
    pub fn permit(&self) -> Arc<Permit> {
        Arc::clone(&self.0)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.gate.state.lock().left += 1;
        self.0.left.store(true, Ordering::Release);
    }
}

/// Only those who run or wait are in it.
#[derive(Debug, Default)]
struct State {
    running: usize,
    /// How many of those are left, and come to rest.
    left: usize,
    waiting: usize,
    askers: HashMap<Arc<str>, Asker>,
    /// Each asker who waits, once; whose turn is next comes first.
    turns: VecDeque<Arc<str>>,
}

#[derive(Debug, Default)]
struct Asker {
    running: usize,
    waiting: VecDeque<Arc<Ticket>>,
}

/// One query that waits. What became of it changes only while the state is locked.
#[derive(Debug, Default)]
struct Ticket {
    fate: AtomicU8,
    waker: AtomicWaker,
}

const WAITING: u8 = 0;
const GRANTED: u8 = 1;
const REFUSED: u8 = 2;

impl Ticket {
    fn fate(&self) -> u8 {
        self.fate.load(Ordering::Acquire)
    }

    fn decide(&self, fate: u8) {
        self.fate.store(fate, Ordering::Release);
    }
}

enum Entered {
    Running(Arc<str>),
    Waiting(Waiting, Option<Arc<Ticket>>),
    Refused,
}

impl Gate {
    /// A gate that nobody has gone through.
    pub fn new(admission: Admission) -> Self {
        let (running, per_principal) = (admission.running.max(1), admission.per_principal.max(1));
        let admission = Admission { running, per_principal, ..admission };
        Self { admission, state: Mutex::default() }
    }

    /// Lets a query in, when it is its turn. Dropped before, it leaves the queue.
    ///
    /// # Errors
    /// [`RunError::Busy`] where too many wait; [`RunError::Waited`] where its turn does not come in
    /// time.
    pub async fn admit(
        self: &Arc<Self>,
        asker: &str,
        deadline: Deadline,
    ) -> Result<Turn, RunError> {
        let entered = self.enter(asker);
        match entered {
            Entered::Running(asker) => Ok(Turn::new(Arc::clone(self), asker)),
            Entered::Waiting(waiting, pushed_out) => {
                if let Some(ticket) = pushed_out {
                    ticket.waker.wake();
                }
                let turn = deadline.bound(waiting).await;
                turn.map_err(|error| match error {
                    RunError::Time(limit) => self.waited(asker, limit),
                    other => other,
                })
            }
            Entered::Refused => Err(self.busy()),
        }
    }

    /// Why the turn of an asker has not come.
    fn waited(&self, asker: &str, limit: Duration) -> RunError {
        let own = self.state.lock().askers.get(asker).map_or(0, |asker| asker.running);
        let own = (own >= self.admission.per_principal).then_some(own);
        RunError::Waited { limit, own, retry_after: self.admission.retry_after }
    }

    /// How many run and how many wait.
    pub fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.running, state.waiting)
    }

    fn busy(&self) -> RunError {
        RunError::Busy { retry_after: self.admission.retry_after }
    }

    fn enter(self: &Arc<Self>, name: &str) -> Entered {
        let limits = &self.admission;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let (name, own) = match state.askers.get_key_value(name) {
            Some((name, asker)) => (Arc::clone(name), (asker.running, asker.waiting.len())),
            None => (Arc::from(name), (0, 0)),
        };
        // Where there is room nobody waits who could use it, so that nobody is overtaken.
        if state.running < limits.running && own.0 < limits.per_principal {
            state.running += 1;
            state.askers.entry(Arc::clone(&name)).or_default().running += 1;
            return Entered::Running(name);
        }
        let mut pushed_out = None;
        if state.waiting >= limits.queued + state.left {
            pushed_out = state.push_out(own.1);
            if pushed_out.is_none() {
                return Entered::Refused;
            }
        }
        let ticket = Arc::new(Ticket::default());
        state.waiting += 1;
        let asker = state.askers.entry(Arc::clone(&name)).or_default();
        if asker.waiting.is_empty() {
            state.turns.push_back(Arc::clone(&name));
        }
        asker.waiting.push_back(Arc::clone(&ticket));
        let gate = Some(Arc::clone(self));
        Entered::Waiting(Waiting { gate, asker: name, ticket }, pushed_out)
    }

    /// A place is free, of an asker, which was counted so often among those that are left.
    fn release(&self, asker: &Arc<str>, left: usize) {
        let next = {
            let mut state = self.state.lock();
            state.running -= 1;
            state.left -= left;
            if let Some(asker) = state.askers.get_mut(asker) {
                asker.running -= 1;
            }
            let next = state.next(self.admission.per_principal);
            state.forget(asker);
            next
        };
        // Not while the state is locked: whoever is woken may come back here.
        if let Some(ticket) = next {
            ticket.waker.wake();
        }
    }
}

impl State {
    /// Grants one query the place that has become free: of those who wait and may run more, the
    /// first asker's first.
    fn next(&mut self, per_principal: usize) -> Option<Arc<Ticket>> {
        let may = |name: &Arc<str>| {
            self.askers.get(name).is_some_and(|asker| asker.running < per_principal)
        };
        let place = self.turns.iter().position(may)?;
        let name = self.turns.remove(place)?;
        let asker = self.askers.get_mut(&name)?;
        let ticket = asker.waiting.pop_front()?;
        asker.running += 1;
        if !asker.waiting.is_empty() {
            self.turns.push_back(name);
        }
        self.waiting -= 1;
        self.running += 1;
        ticket.decide(GRANTED);
        Some(ticket)
    }

    /// Refuses the newest query of whoever has the most waiting, for somebody who has `own`
    /// waiting and will then have no more than he.
    fn push_out(&mut self, own: usize) -> Option<Arc<Ticket>> {
        let count = |name: &Arc<str>| self.askers.get(name).map_or(0, |asker| asker.waiting.len());
        let name = Arc::clone(self.turns.iter().max_by_key(|name| count(name))?);
        if count(&name) <= own + 1 {
            return None;
        }
        let ticket = self.askers.get_mut(&name)?.waiting.pop_back()?;
        self.waiting -= 1;
        ticket.decide(REFUSED);
        Some(ticket)
    }

    /// Takes a query out of the queue.
    fn leave(&mut self, name: &Arc<str>, ticket: &Arc<Ticket>) {
        let Some(asker) = self.askers.get_mut(name) else { return };
        let Some(place) = asker.waiting.iter().position(|t| Arc::ptr_eq(t, ticket)) else { return };
        asker.waiting.remove(place);
        self.waiting -= 1;
        if asker.waiting.is_empty() {
            self.turns.retain(|turn| turn != name);
        }
        self.forget(name);
    }

    /// Nothing is kept of those who neither run nor wait.
    fn forget(&mut self, name: &Arc<str>) {
        if self.askers.get(name).is_some_and(|a| a.running == 0 && a.waiting.is_empty()) {
            self.askers.remove(name);
        }
    }
}

/// A query in the queue.
struct Waiting {
    /// `None` once it is decided and told.
    gate: Option<Arc<Gate>>,
    asker: Arc<str>,
    ticket: Arc<Ticket>,
}

impl Future for Waiting {
    type Output = Result<Turn, RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.ticket.waker.register(context.waker());
        let fate = self.ticket.fate();
        if fate == WAITING {
            return Poll::Pending;
        }
        let Some(gate) = self.gate.take() else { return Poll::Pending };
        Poll::Ready(match fate {
            GRANTED => Ok(Turn::new(gate, Arc::clone(&self.asker))),
            _ => Err(gate.busy()),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(gate) = self.gate.take() else { return };
        let granted = {
            let mut state = gate.state.lock();
            let fate = self.ticket.fate();
            if fate == WAITING {
                state.leave(&self.asker, &self.ticket);
            }
            fate == GRANTED
        };
        // It was its turn, and it did not live to see it.
        if granted {
            gate.release(&self.asker, 0);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release(&self.asker, usize::from(self.left.load(Ordering::Acquire)));
    }
}

#[cfg(test)]
mod tests;
