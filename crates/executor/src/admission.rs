//! Who may run now: so many queries at a time, and the others wait, asker by asker in turn. What
//! stands for an asker is a name; what he asks is not known here.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
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
    /// Two for each processor, 64, four, and a second.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: 2 * processors,
            queued: 64,
            per_principal: 4,
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
}

/// Only those who run or wait are in it.
#[derive(Debug, Default)]
struct State {
    running: usize,
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
    ) -> Result<Arc<Permit>, RunError> {
        let entered = self.enter(asker);
        let permit = match entered {
            Entered::Running(asker) => Permit { gate: Arc::clone(self), asker },
            Entered::Waiting(waiting, pushed_out) => {
                if let Some(ticket) = pushed_out {
                    ticket.waker.wake();
                }
                let turn = deadline.bound(waiting).await;
                turn.map_err(|error| match error {
                    RunError::Time(limit) => self.waited(asker, limit),
                    other => other,
                })?
            }
            Entered::Refused => return Err(self.busy()),
        };
        Ok(Arc::new(permit))
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
        if state.waiting >= limits.queued {
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

    fn release(&self, asker: &Arc<str>) {
        let next = {
            let mut state = self.state.lock();
            state.running -= 1;
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
    type Output = Result<Permit, RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.ticket.waker.register(context.waker());
        let fate = self.ticket.fate();
        if fate == WAITING {
            return Poll::Pending;
        }
        let Some(gate) = self.gate.take() else { return Poll::Pending };
        Poll::Ready(match fate {
            GRANTED => Ok(Permit { gate, asker: Arc::clone(&self.asker) }),
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
            gate.release(&self.asker);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release(&self.asker);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    type Entry = BoxFuture<'static, Result<Arc<Permit>, RunError>>;

    fn gate(running: usize, queued: usize, per_principal: usize) -> Arc<Gate> {
        let admission = Admission::default()
            .with_running(running)
            .with_queued(queued)
            .with_per_principal(per_principal);
        Arc::new(Gate::new(admission))
    }

    /// A query that has come to the gate.
    fn comes(gate: &Arc<Gate>, name: &'static str) -> Entry {
        let gate = Arc::clone(gate);
        async move { gate.admit(name, Deadline::starting_now(None)).await }.boxed()
    }

    fn runs(gate: &Arc<Gate>, name: &'static str) -> Arc<Permit> {
        comes(gate, name).now_or_never().expect("it waits").expect("it is refused")
    }

    fn waits(gate: &Arc<Gate>, name: &'static str) -> Entry {
        let mut entry = comes(gate, name);
        assert!((&mut entry).now_or_never().is_none(), "{name} does not wait");
        entry
    }

    fn refused(entry: Entry) -> bool {
        matches!(entry.now_or_never(), Some(Err(RunError::Busy { .. })))
    }

    #[test]
    fn so_many_run_so_many_wait_and_one_more_is_refused() {
        let gate = gate(2, 2, 9);
        let first = runs(&gate, "a");
        let _second = runs(&gate, "a");
        let third = waits(&gate, "a");
        let _fourth = waits(&gate, "a");
        assert!(refused(comes(&gate, "a")));
        assert_eq!(gate.load(), (2, 2));
        drop(first);
        assert!(third.now_or_never().is_some_and(|turn| turn.is_ok()));
    }

    #[test]
    fn one_asker_runs_no_more_than_his_share_while_others_may() {
        let gate = gate(3, 8, 2);
        let _a = [runs(&gate, "a"), runs(&gate, "a")];
        let waiting = waits(&gate, "a");
        let b = runs(&gate, "b");
        // A place that becomes free is of no use to him.
        drop(b);
        assert_eq!(gate.load(), (2, 1));
        let [first, _second] = _a;
        drop(first);
        assert!(waiting.now_or_never().is_some_and(|turn| turn.is_ok()));
    }

    #[test]
    fn turns_go_round_among_those_who_wait() {
        let gate = gate(1, 9, 1);
        let mut running = Some(runs(&gate, "x"));
        let mut queue: Vec<(&str, Entry)> =
            ["a", "a", "a", "b", "c", "b"].map(|name| (name, waits(&gate, name))).into();
        let mut order = Vec::new();
        while !queue.is_empty() {
            drop(running.take());
            let turn = |entry: &mut Entry| entry.now_or_never();
            let (place, permit) = queue
                .iter_mut()
                .enumerate()
                .find_map(|(place, (_, entry))| turn(entry).map(|permit| (place, permit)))
                .unwrap();
            running = Some(permit.unwrap());
            order.push(queue.remove(place).0);
        }
        assert_eq!(order, ["a", "b", "c", "a", "b", "a"]);
        drop(running);
        assert_eq!(gate.load(), (0, 0));
    }

    #[test]
    fn whoever_has_the_most_waiting_makes_room_for_others() {
        let gate = gate(1, 4, 1);
        let running = runs(&gate, "a");
        let mut of_a: Vec<Entry> = (0..4).map(|_| waits(&gate, "a")).collect();
        let _b = waits(&gate, "b");
        assert!(refused(of_a.pop().unwrap()), "the newest one goes");
        let _again = waits(&gate, "b");
        assert!(refused(of_a.pop().unwrap()));
        // Now both have two.
        assert!(refused(comes(&gate, "b")));
        assert!(refused(comes(&gate, "a")));
        assert!((&mut of_a[0]).now_or_never().is_none());
        // Of two with two a third makes room for itself, and no more than that.
        let _c = waits(&gate, "c");
        assert!(refused(comes(&gate, "c")));
        drop(running);
        assert_eq!(gate.load(), (1, 3));
    }

    #[test]
    fn a_query_that_is_dropped_leaves_the_queue_and_gives_its_turn_away() {
        let gate = gate(1, 2, 1);
        let running = runs(&gate, "a");
        let (first, second) = (waits(&gate, "a"), waits(&gate, "b"));
        drop(first);
        assert_eq!(gate.load(), (1, 1));
        let third = waits(&gate, "c");
        drop(running);
        // It is the second's turn, and it is dropped before it hears of it.
        assert_eq!(gate.load(), (1, 1));
        drop(second);
        assert!(third.now_or_never().is_some_and(|turn| turn.is_ok()));
        assert_eq!(gate.load(), (0, 0));
    }

    #[test]
    fn nothing_is_kept_of_those_who_have_gone() {
        let gate = gate(2, 2, 1);
        let names: Vec<&'static str> = vec!["a", "b", "c", "d", "e"];
        for name in names {
            let permit = runs(&gate, name);
            let waiting = waits(&gate, name);
            assert_eq!(gate.state.lock().askers.len(), 1);
            drop(waiting);
            drop(permit);
        }
        let state = gate.state.lock();
        assert!(state.askers.is_empty() && state.turns.is_empty());
        assert_eq!((state.running, state.waiting), (0, 0));
    }

    #[test]
    fn a_gate_for_nobody_still_lets_one_through() {
        let gate = gate(0, 0, 0);
        let one = runs(&gate, "a");
        assert!(refused(comes(&gate, "b")));
        drop(one);
        runs(&gate, "b");
    }

    #[test]
    fn many_threads_leave_the_gate_as_they_found_it() {
        let gate = gate(3, 5, 2);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let gate = &gate;
                scope.spawn(move || {
                    for round in 0..500 {
                        let mut entry = comes(gate, name);
                        if round % 3 == 0 {
                            drop((&mut entry).now_or_never());
                            continue;
                        }
                        if let Ok(permit) = futures::executor::block_on(entry) {
                            let (running, waiting) = gate.load();
                            assert!(running <= 3 && waiting <= 5, "{running} {waiting}");
                            drop(permit);
                        }
                    }
                });
            }
        });
        assert_eq!(gate.load(), (0, 0));
        assert!(gate.state.lock().askers.is_empty());
    }
}
