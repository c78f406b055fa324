//! What is asked: of the visible part of the world, and with the names of what is hidden.

/// Something that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// A question, as JSON.
    Question(String),
    /// The values of a field of a table.
    Values(String, String),
    /// The tables.
    Tables,
    /// One table, by name or number.
    Table(String),
    /// The metrics.
    Metrics,
    /// One metric, by name or number.
    Metric(String),
    /// What fits some words.
    Search(String),
}

/// A hidden thing, and what does not exist beside it, in a name as long.
#[derive(Clone, Copy, Debug)]
pub struct Hidden {
    /// What it is called.
    pub hidden: &'static str,
    /// What nothing is called.
    pub absent: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Field,
    Segment,
    Measure,
    Metric,
    Table,
    TableNumber,
    MetricNumber,
}

/// One of each kind, by name and by number.
const HIDDEN: [Hidden; 9] = [
    Hidden { hidden: "xcode", absent: "zqqqj", kind: Kind::Field },
    Hidden { hidden: "xtwice", absent: "zqqqjj", kind: Kind::Field },
    Hidden { hidden: "xaudit.xresult", absent: "zqqqjj.zqqqjjj", kind: Kind::Field },
    Hidden { hidden: "xcoded", absent: "zqqqjj", kind: Kind::Segment },
    Hidden { hidden: "xmean", absent: "zqqqj", kind: Kind::Measure },
    Hidden { hidden: "xpayroll", absent: "zqqqjjjj", kind: Kind::Metric },
    Hidden { hidden: "xaudits", absent: "zqqqjjj", kind: Kind::Table },
    Hidden { hidden: "71", absent: "79", kind: Kind::TableNumber },
    Hidden { hidden: "81", absent: "89", kind: Kind::MetricNumber },
];

/// What is hidden from Sam.
pub fn hidden() -> &'static [Hidden] {
    &HIDDEN
}

impl Hidden {
    /// What can be asked with this name, or another one in its place.
    pub fn probes(&self, name: &str) -> Vec<Probe> {
        let texts: &[&str] = match self.kind {
            Kind::Field => &[
                r#"{"table":"visits","fields":["id","NAME"]}"#,
                r#"{"table":"visits","fields":["id"],"filter":{"field":"NAME","op":">","value":0}}"#,
                r#"{"table":"visits","fields":["id"],"order_by":["NAME"],"limit":1}"#,
                r#"{"metrics":["turnover"],"group_by":["NAME"]}"#,
                r#"{"table":"visits","aggregations":[{"function":"max","field":"NAME"}]}"#,
                r#"{"table":"visits","group_by":["region"],"aggregations":["count"],"having":{"field":"NAME","op":">","value":0}}"#,
            ],
            Kind::Segment => &[
                r#"{"table":"visits","aggregations":["count"],"segments":["NAME"]}"#,
                r#"{"table":"visits","fields":["id"],"filter":{"not":{"segment":"NAME"}}}"#,
            ],
            Kind::Measure => &[r#"{"table":"visits","group_by":["region"],"measures":["NAME"]}"#],
            Kind::Metric => &[
                r#"{"metrics":["NAME"]}"#,
                r#"{"metrics":["turnover"],"filter":{"metric":"NAME","op":">","value":0}}"#,
            ],
            Kind::Table => &[
                r#"{"table":"NAME","aggregations":["count"]}"#,
                r#"{"table":"visits","fields":["id"],"filter":{"exists":"NAME"}}"#,
            ],
            Kind::TableNumber => &[r#"{"table":NAME,"aggregations":["count"]}"#],
            Kind::MetricNumber => &[r#"{"metrics":[NAME]}"#],
        };
        let question = |text: &&str| Probe::Question(text.replace("NAME", name));
        let mut probes: Vec<Probe> = texts.iter().map(question).collect();
        let (name, visits) = (name.to_owned(), "visits".to_owned());
        probes.extend(match self.kind {
            Kind::Field => vec![Probe::Values(visits, name.clone())],
            Kind::Table | Kind::TableNumber => {
                vec![Probe::Table(name.clone()), Probe::Values(name.clone(), "id".to_owned())]
            }
            Kind::Metric | Kind::MetricNumber => vec![Probe::Metric(name.clone())],
            Kind::Segment | Kind::Measure => Vec::new(),
        });
        probes.push(Probe::Search(name));
        probes
    }
}

/// Questions that are answered to Sam, or refused for what he may know of.
const QUESTIONS: [&str; 32] = [
    r#"{"table":"visits"}"#,
    r#"{"table":"visits","fields":["id","text","phone","note","patient.name","patient.phone"],"order_by":["id"]}"#,
    // Order and limits by what hidden rows would come first in.
    r#"{"table":"visits","fields":["id","amount"],"order_by":[{"field":"amount","order":"desc"}],"limit":3}"#,
    r#"{"table":"visits","fields":["id"],"order_by":["phone","id"],"limit":5}"#,
    r#"{"table":"visits","fields":["id","patient.name"],"order_by":["patient.name","id"],"limit":9}"#,
    r#"{"table":"patients","fields":["name","phone"],"order_by":[{"field":"id","order":"desc"}],"limit":2}"#,
    // What fails on hidden rows.
    r#"{"table":"visits","fields":["id","share"],"order_by":["share","id"]}"#,
    r#"{"table":"visits","fields":["id"],"filter":{"field":"share","op":"<","value":20},"order_by":["id"]}"#,
    r#"{"table":"visits","group_by":["share"],"aggregations":["count"],"order_by":["share"]}"#,
    r#"{"table":"visits","aggregations":[{"function":"sum","field":"share"}],"filter":{"not":{"field":"share","op":">","value":30}}}"#,
    // Counts and statistics.
    r#"{"table":"visits","aggregations":["count",{"function":"sum","field":"amount"},{"function":"min","field":"divisor"},{"function":"max","field":"amount"},{"function":"count_distinct","field":"text"}]}"#,
    r#"{"table":"patients","aggregations":["count",{"function":"max","field":"name"},{"function":"min","field":"phone"}]}"#,
    r#"{"table":"visits","aggregations":[{"function":"median","field":"amount"},{"function":"stddev","field":"amount"},{"function":"percentile_disc","field":"amount","p":1}]}"#,
    r#"{"metrics":["turnover","visits_made"]}"#,
    r#"{"metrics":["turnover"],"group_by":["region"]}"#,
    r#"{"metrics":["visits_made"],"group_by":["patient.name"],"order_by":["patient.name"]}"#,
    r#"{"table":"visits","measures":["mean_amount"],"segments":["dear"]}"#,
    r#"{"metrics":["turnover"],"group_by":["phone"],"shares":["turnover"],"order_by":["phone"]}"#,
    r#"{"metrics":["visits_made"],"group_by":["region","text"],"totals":[["region"],[]],"order_by":["text"]}"#,
    // By values that only hidden rows have, or that stand under a mask.
    r#"{"table":"visits","aggregations":["count"],"filter":{"field":"region","value":"south"}}"#,
    r#"{"table":"visits","aggregations":["count"],"filter":{"field":"text","op":"starts_with","value":"HIDDEN"}}"#,
    r#"{"table":"visits","aggregations":["count"],"filter":{"field":"phone","op":"contains","value":"RAW"}}"#,
    r#"{"table":"visits","fields":["id"],"filter":{"field":"patient.phone","op":"is_null"},"order_by":["id"]}"#,
    r#"{"table":"patients","aggregations":["count"],"filter":{"exists":"visits","filter":{"field":"amount","op":">","value":900}}}"#,
    // Conditions on numbers.
    r#"{"metrics":["turnover"],"group_by":["text"],"having":{"field":"turnover","op":">","value":100},"order_by":["text"]}"#,
    r#"{"from":{"metrics":["visits_made"],"group_by":["patient_id"]},"aggregations":["count",{"function":"max","field":"visits_made"}]}"#,
    // What is refused.
    r#"{"table":"visits","fields":["id"],"filter":{"field":"amount","value":"a lot"}}"#,
    r#"{"table":"visits","fields":["amuont","txt","code","twice"]}"#,
    r#"{"table":"audit","fields":["result"]}"#,
    r#"{"metrics":["turnovr","payroll"]}"#,
    r#"{"table":"visits","segments":["coded"],"measures":["mean"]}"#,
    r#"{"table":"visits","fields":["id"],"as":"chief@clinic.test"}"#,
];

/// What is asked without the name of anything that is hidden.
pub fn plain() -> Vec<Probe> {
    let mut probes: Vec<Probe> =
        QUESTIONS.iter().map(|text| Probe::Question((*text).to_owned())).collect();
    for field in ["region", "text", "phone", "note", "share", "patient.name", "t70-1", "codes"] {
        probes.push(Probe::Values("visits".to_owned(), field.to_owned()));
    }
    probes.push(Probe::Values("patients".to_owned(), "name".to_owned()));
    probes.extend([Probe::Tables, Probe::Metrics]);
    for name in ["visits", "patients", "70", "audit", "visit"] {
        probes.push(Probe::Table(name.to_owned()));
    }
    for name in ["turnover", "visits_made", "payroll", "1"] {
        probes.push(Probe::Metric(name.to_owned()));
    }
    for words in ["", "visits", "code", "audit", "payroll result", "x", "sum"] {
        probes.push(Probe::Search(words.to_owned()));
    }
    probes
}
