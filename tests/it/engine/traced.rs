//! No call is without a trace: a span with its stages, and exactly one record.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, Once};

use futures::StreamExt;
use sandbar::{
    Action, Administrator, Decision, DecisionOutcome, DiffSamples, Engine, ErrorKind, Model,
    PolicyCases, PolicyDefinitions, Principal, SemanticQuery, Session, SourceText, TokenMinter,
    Verifier,
};
use sandbar_testkit::forge::{Forge, Pen as Signer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use super::{LIST, builder, model};

const SECRET: &str = "9b1f6d0e4c7a2358e1d4b7f0a3c65982";
const IDA: &str = "ida@zoo.example";
const TENANT: &str = "zebra-stripes";

/// A span as it was seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    fields: String,
    parent: Option<u64>,
    entered: usize,
    handles: usize,
}

/// An event as text, with the span that it stands in.
type Written = (Option<u64>, String);

/// Everything that is traced on one thread.
#[derive(Clone, Default)]
struct Tracer {
    spans: Arc<Mutex<Vec<Seen>>>,
    events: Arc<Mutex<Vec<Written>>>,
    stack: Arc<Mutex<Vec<u64>>>,
}

struct Pen<'a>(&'a mut String);

impl Visit for Pen<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Tracer {
    fn span<T>(&self, id: &Id, with: impl FnOnce(&mut Seen) -> T) -> T {
        let mut spans = self.spans.lock().unwrap();
        with(&mut spans[usize::try_from(id.into_u64()).unwrap() - 1])
    }

    fn current(&self) -> Option<u64> {
        self.stack.lock().unwrap().last().copied()
    }

    /// From here on until the guard is dropped, on this thread.
    fn started() -> (Self, Guard) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Switch).unwrap());
        let tracer = Self::default();
        TRACER.set(Some(tracer.clone()));
        (tracer, Guard)
    }

    /// The calls: their numbers and what their fields say.
    fn calls(&self) -> Vec<(u64, Seen)> {
        let spans = self.spans.lock().unwrap().clone();
        (1..).zip(spans).filter(|(_, span)| span.name == "sandbar.call").collect()
    }

    /// The names of the stages of a call.
    fn stages(&self, call: u64) -> Vec<&'static str> {
        let spans = self.spans.lock().unwrap();
        spans.iter().filter(|span| span.parent == Some(call)).map(|span| span.name).collect()
    }
}

thread_local! {
    static TRACER: RefCell<Option<Tracer>> = const { RefCell::new(None) };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        TRACER.set(None);
    }
}

/// Hands everything to the tracer of the thread, if it has one. One for the whole process: with
/// one for each thread, a place that a thread without one comes by first is never traced.
struct Switch;

impl Switch {
    fn on<T>(with: impl FnOnce(&Tracer) -> T) -> Option<T> {
        TRACER.with_borrow(|tracer| tracer.as_ref().map(with))
    }
}

impl Subscriber for Switch {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sandbar") && Self::on(|_| ()).is_some()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = Self::on(|tracer| {
            let parent = span.parent().map(Id::into_u64);
            let parent = parent.or_else(|| tracer.current().filter(|_| span.is_contextual()));
            let mut seen =
                Seen { name: span.metadata().name(), parent, handles: 1, ..Seen::default() };
            span.record(&mut Pen(&mut seen.fields));
            let mut spans = tracer.spans.lock().unwrap();
            spans.push(seen);
            spans.len() as u64
        });
        Id::from_u64(id.unwrap_or(u64::MAX))
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        Self::on(|tracer| {
            tracer.span(span, |seen| values.record(&mut Pen(&mut seen.fields)));
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        Self::on(|tracer| {
            let parent = event.parent().map(Id::into_u64);
            let parent = parent.or_else(|| tracer.current().filter(|_| event.is_contextual()));
            let mut text = event.metadata().target().to_owned() + " ";
            event.record(&mut Pen(&mut text));
            tracer.events.lock().unwrap().push((parent, text));
        });
    }

    fn enter(&self, span: &Id) {
        Self::on(|tracer| {
            tracer.span(span, |seen| seen.entered += 1);
            tracer.stack.lock().unwrap().push(span.into_u64());
        });
    }

    fn exit(&self, span: &Id) {
        Self::on(|tracer| {
            let mut stack = tracer.stack.lock().unwrap();
            if let Some(at) = stack.iter().rposition(|entered| *entered == span.into_u64()) {
                stack.remove(at);
            }
        });
    }

    fn clone_span(&self, span: &Id) -> Id {
        Self::on(|tracer| tracer.span(span, |seen| seen.handles += 1));
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        Self::on(|tracer| tracer.span(&span, |seen| seen.handles -= 1));
        false
    }
}

type Records = Arc<Mutex<Vec<Decision>>>;

async fn recorded() -> (Engine, Records) {
    let records = Records::default();
    let kept = Arc::clone(&records);
    let sink = move |decision: &Decision| kept.lock().unwrap().push(decision.clone());
    let builder = builder(40).verifier(Verifier::hs256(SECRET).unwrap());
    let clock = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    (builder.clock(move || clock).decisions(sink).build().await.unwrap(), records)
}

fn ida(engine: &Engine) -> Session {
    let ida = Principal::asserted_by_host(IDA).group("tenants").attribute("tenant", TENANT);
    engine.session(ida.build().unwrap())
}

fn token(secret: &str) -> String {
    let minter = TokenMinter::hs256(secret).unwrap();
    minter.mint(IDA, &["tenants"], &[("tenant", TENANT.into())], 1_000_000).unwrap()
}

/// What every call leaves behind: one span, closed again, and one record, told to the host and
/// written inside of the span. Neither holds anything of the question or of who asks but his name.
async fn check<T>(
    action: Action,
    subject: Option<&str>,
    outcome: DecisionOutcome,
    call: impl AsyncFnOnce(&Engine) -> T,
) {
    check_each(&[(action, subject, outcome)], call).await;
}

/// The same for a call that is made of others, in the order in which they end.
async fn check_each<T>(
    expected: &[(Action, Option<&str>, DecisionOutcome)],
    call: impl AsyncFnOnce(&Engine) -> T,
) {
    let (engine, records) = recorded().await;
    let (tracer, guard) = Tracer::started();
    drop(call(&engine).await);
    drop(guard);
    let records = records.lock().unwrap();
    let found = records.iter().map(|r| (r.action, r.subject.as_deref(), r.outcome));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{records:?}");
    let calls = tracer.calls();
    assert_eq!(calls.len(), records.len(), "{calls:?}");
    let events = tracer.events.lock().unwrap();
    let written: Vec<_> =
        events.iter().filter(|(_, text)| text.starts_with("sandbar::decision")).collect();
    assert_eq!(written.len(), records.len(), "{events:?}");
    for (record, written) in records.iter().zip(written) {
        let action = format!("action=\"{}\"", record.action.name());
        let (id, span) = calls.iter().find(|(_, span)| span.fields.contains(&action)).unwrap();
        let expected = [
            format!("snapshot={} ", record.snapshot),
            format!("outcome=\"{}\"", record.outcome.name()),
        ];
        for part in expected {
            assert!(span.fields.contains(&part), "{action}: {part} in {}", span.fields);
        }
        assert!(span.entered > 0 && span.handles == 0, "{action}: {span:?}");
        assert_eq!(written.0, Some(*id), "{action}: {written:?}");
    }
    let (action, ..) = expected[0];
    let spans = tracer.spans.lock().unwrap();
    let all = format!("{spans:?} {events:?} {records:?}");
    for secret in [TENANT, "my literal", SECRET, "eyJ", "sought"] {
        assert!(!all.contains(secret), "{action:?}: `{secret}` in {all}");
    }
    assert!(!format!("{spans:?}").contains(IDA), "{action:?}: {spans:?}");
}

const ASKED: &str =
    r#"{"table":"sales","fields":["id"],"filter":{"field":"code","value":"my literal"}}"#;
const ANSWERED: DecisionOutcome = DecisionOutcome::Answered;

#[tokio::test]
async fn every_call_of_a_session_has_a_span_and_a_record() {
    let by_ida = Some(IDA);
    let asked = SemanticQuery::from_json(ASKED).unwrap();
    check(Action::Query, by_ida, ANSWERED, async |e| {
        ida(e).query(&asked).await.unwrap().collect().await.unwrap()
    })
    .await;
    check(Action::Query, by_ida, ANSWERED, async |e| {
        ida(e).query_json(ASKED).await.unwrap().collect().await.unwrap()
    })
    .await;
    check(Action::Query, by_ida, DecisionOutcome::Cancelled, async |e| {
        ida(e).query(&asked).await.unwrap()
    })
    .await;
    check(Action::FieldValues, by_ida, ANSWERED, async |e| {
        ida(e).field_values("sales", "code", 3).await.unwrap()
    })
    .await;
    check(Action::Explain, by_ida, ANSWERED, async |e| ida(e).explain(&asked).await.unwrap()).await;
    check(Action::Tables, by_ida, ANSWERED, async |e| ida(e).tables().unwrap()).await;
    check(Action::Metrics, by_ida, ANSWERED, async |e| ida(e).metrics().unwrap()).await;
    check(Action::DescribeTable, by_ida, ANSWERED, async |e| {
        ida(e).describe_table("sales").unwrap()
    })
    .await;
    check(Action::Search, by_ida, ANSWERED, async |e| ida(e).search("sought").unwrap()).await;
}

#[tokio::test]
async fn every_call_that_is_refused_has_a_span_and_a_record() {
    let not_found = DecisionOutcome::Failed(ErrorKind::NotFound, "Q0102");
    let by_ida = Some(IDA);
    check(Action::Query, by_ida, not_found, async |e| {
        ida(e).query_json(r#"{"table":"sought"}"#).await.unwrap_err()
    })
    .await;
    let no_metric = DecisionOutcome::Failed(ErrorKind::NotFound, "Q0101");
    let not_json = DecisionOutcome::Failed(ErrorKind::InvalidQuery, "D0000");
    check(Action::Query, by_ida, not_json, async |e| {
        ida(e).query_json(r#"{"table": my literal"#).await.unwrap_err()
    })
    .await;
    check(Action::DescribeTable, by_ida, not_found, async |e| {
        ida(e).describe_table("sought").unwrap_err()
    })
    .await;
    check(Action::DescribeMetric, by_ida, no_metric, async |e| {
        ida(e).describe_metric("sought").unwrap_err()
    })
    .await;
    let unknown = SemanticQuery::table("sought");
    check(Action::Explain, by_ida, not_found, async |e| {
        ida(e).explain(&unknown).await.unwrap_err()
    })
    .await;
}

/// One case, as somebody who may see some sales.
fn cases(rest: &str) -> PolicyCases {
    let who = format!("{{ groups: [tenants], attributes: {{ tenant: {TENANT} }} }}");
    let text = format!("cases: {{ one: {{ as: {who}, {rest} }} }}");
    PolicyCases::from_yaml([SourceText::new("cases.yaml", text)])
}

#[tokio::test]
async fn every_call_of_an_engine_has_a_span_and_a_record() {
    let asked = SemanticQuery::from_json(ASKED).unwrap();
    check(Action::ExplainAs, Some(IDA), ANSWERED, async |e| {
        let whose = ida(e).principal().clone();
        e.explain_as(&Administrator::asserted_by_host(), &whose, &asked).await.unwrap()
    })
    .await;
    // Each case is a call of its person, within that of the test.
    let test_of_one =
        [(Action::PolicyCase, Some("somebody"), ANSWERED), (Action::PolicyTest, None, ANSWERED)];
    check_each(&test_of_one, async |e| {
        let case = cases("visible: [sales]");
        let report = e.policy_test_as(&Administrator::asserted_by_host(), &case).await.unwrap();
        assert!(report.passed(), "{report}");
    })
    .await;
    check_each(&test_of_one, async |e| {
        let case = cases(&format!("query: {ASKED}, count: 0"));
        let report = e.policy_test_as(&Administrator::asserted_by_host(), &case).await.unwrap();
        assert!(report.passed(), "{report}");
    })
    .await;
    let wrong = DecisionOutcome::Failed(ErrorKind::InvalidPolicy, "E0205");
    check(Action::PolicyTest, None, wrong, async |e| {
        let none = cases("query: { table: sought }, count: 1");
        e.policy_test_as(&Administrator::asserted_by_host(), &none).await.unwrap_err()
    })
    .await;
    check(Action::DescribeTable, None, ANSWERED, async |e| {
        e.describe_table_as(&Administrator::asserted_by_host(), "sales").unwrap()
    })
    .await;
    let no_metric = DecisionOutcome::Failed(ErrorKind::NotFound, "Q0101");
    check(Action::DescribeMetric, None, no_metric, async |e| {
        e.describe_metric_as(&Administrator::asserted_by_host(), "sought").unwrap_err()
    })
    .await;
    check(Action::PolicyCoverage, None, ANSWERED, async |e| {
        e.policy_coverage_as(&Administrator::asserted_by_host()).unwrap()
    })
    .await;
    check(Action::PolicyDiff, None, ANSWERED, async |e| {
        let (newer, samples) = (PolicyDefinitions::default(), DiffSamples::default());
        e.policy_diff_as(&Administrator::asserted_by_host(), &newer, &samples).await.unwrap()
    })
    .await;
    check(Action::Authenticate, Some(IDA), ANSWERED, async |e| {
        e.authenticate(&token(SECRET)).unwrap()
    })
    .await;
    let refused = DecisionOutcome::Failed(ErrorKind::Unauthenticated, "E0101");
    let other = "4f7c1e9a2b8d60533e7a914cd0f6b28e";
    check(Action::Authenticate, None, refused, async |e| {
        e.authenticate(&token(other)).unwrap_err()
    })
    .await;
    check(Action::Reload, None, ANSWERED, async |e| e.reload(&model()).await.unwrap()).await;
    let wrong = DecisionOutcome::Failed(ErrorKind::InvalidModel, "E0201");
    check(Action::Reload, None, wrong, async |e| {
        e.reload(&Model::new().with_model("model.yaml", "tables: my literal")).await.unwrap_err()
    })
    .await;
}

#[tokio::test]
async fn a_reload_is_recorded_with_the_snapshot_that_it_made() {
    let (engine, records) = recorded().await;
    engine.reload(&model()).await.unwrap();
    engine.reload(&Model::new().with_model("model.yaml", "tables: 1")).await.unwrap_err();
    let snapshots: Vec<u64> = records.lock().unwrap().iter().map(|r| r.snapshot).collect();
    assert_eq!(snapshots, [2, 2]);
}

#[tokio::test]
async fn the_stages_of_a_question_are_spans_within_its_own() {
    let (engine, _) = recorded().await;
    let (tracer, _guard) = Tracer::started();
    let mut answer = ida(&engine).query_json(LIST).await.unwrap();
    let (call, _) = tracer.calls()[0];
    let stages = ["resolve", "authorize", "plan", "prepare", "run"].map(|s| format!("sandbar.{s}"));
    assert_eq!(tracer.stages(call), stages);
    // The call goes on while its rows come, and no longer.
    let entered = |id| tracer.span(&Id::from_u64(id), |seen| (seen.entered, seen.handles > 0));
    let named: Vec<&str> = tracer.spans.lock().unwrap().iter().map(|span| span.name).collect();
    let run = named.iter().position(|name| *name == stages[4]).unwrap() as u64 + 1;
    let (before, open) = entered(call);
    assert!(open && entered(run).1);
    while let Some(batch) = answer.next().await {
        batch.unwrap();
    }
    let (after, open) = entered(call);
    assert!(after > before && !open, "{before} {after}");
    assert!(entered(run).0 > 1 && !entered(run).1);
    drop(answer);
}

/// A token that has an id is known by it, in the record and in the log, of the call that lets its
/// bearer in and of all that he asks then.
#[tokio::test]
async fn the_id_of_a_token_is_in_the_record_and_in_the_log() {
    for (member, id) in [(r#","jti":"ticket-7""#, Some("ticket-7")), ("", None)] {
        let claims = format!(
            r#"{{"iat":1000000,"email":"{IDA}","groups":["tenants"],"attributes":{{"tenant":"{TENANT}"}}{member}}}"#
        );
        let token = Forge::new().claims(claims).pen(Signer::hs256(SECRET)).token();
        let (engine, records) = recorded().await;
        let (tracer, guard) = Tracer::started();
        let kept = engine.authenticate(&token).unwrap();
        for session in [kept, engine.authenticate_request(&token).unwrap()] {
            session.query_json(LIST).await.unwrap().collect().await.unwrap();
            session.describe_table("nothing").unwrap_err();
        }
        drop(guard);
        let records = records.lock().unwrap();
        assert_eq!(records.len(), 6, "{records:?}");
        for record in records.iter() {
            let found = (record.subject.as_deref(), record.token.as_deref());
            assert_eq!(found, (Some(IDA), id), "{record:?}");
        }
        let events = tracer.events.lock().unwrap();
        let lines = events.iter().map(|(_, text)| text);
        let lines: Vec<_> = lines.filter(|text| text.starts_with("sandbar::decision")).collect();
        assert_eq!(lines.len(), 6, "{events:?}");
        for line in lines {
            let said = id.map(|id| format!(" token=\"{id}\" "));
            let right = said.map_or(!line.contains(" token="), |said| line.contains(&said));
            assert!(right, "{line}");
        }
    }
}
