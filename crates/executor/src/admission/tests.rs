//! Who runs, who waits and who is refused, step by step.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::*;

type Entry = BoxFuture<'static, Result<Turn, RunError>>;

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

fn runs(gate: &Arc<Gate>, name: &'static str) -> Turn {
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
fn what_is_left_counts_until_it_rests_and_is_waited_for() {
    let gate = gate(1, 0, 1);
    let turn = runs(&gate, "a");
    let work = turn.permit();
    assert!(refused(comes(&gate, "a")));
    drop(turn);
    assert_eq!(gate.load(), (1, 0));
    // There is no queue; one may wait for what is left, and no more than one.
    let next = waits(&gate, "a");
    assert!(refused(comes(&gate, "a")));
    drop(work);
    let next = next.now_or_never().expect("it waits").expect("it is refused");
    assert!(refused(comes(&gate, "a")));
    drop(next);
    assert_eq!(gate.load(), (0, 0));
    drop(runs(&gate, "a"));
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
