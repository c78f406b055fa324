//! What is asked: of the visible part of the world, and with the names of what is hidden; and what
//! is told of it, where that was added up by hand.

use super::world::Asker;

/// Something that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// A question, as JSON.
    Question(String),
    /// The values of a field of a table.
    Values(String, String),
    /// The values of a field that a metric can be grouped by.
    MetricValues(String, String),
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
    Lifted,
    Segment,
    Measure,
    Metric,
    Table,
    TableNumber,
    MetricNumber,
}

/// One of each kind, by name and by number.
const HIDDEN: [Hidden; 11] = [
    Hidden { hidden: "xcode", absent: "zqqqj", kind: Kind::Field },
    Hidden { hidden: "xtwice", absent: "zqqqjj", kind: Kind::Field },
    Hidden { hidden: "xaudit.xresult", absent: "zqqqjj.zqqqjjj", kind: Kind::Field },
    Hidden { hidden: "xsalary", absent: "zqqqjjj", kind: Kind::Lifted },
    Hidden { hidden: "xcoded", absent: "zqqqjj", kind: Kind::Segment },
    Hidden { hidden: "xmean", absent: "zqqqj", kind: Kind::Measure },
    Hidden { hidden: "xpayroll", absent: "zqqqjjjj", kind: Kind::Metric },
    Hidden { hidden: "xsalaries", absent: "zqqqjjjjj", kind: Kind::Metric },
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
            // What a metric reads with its author's rights is read by it alone.
            Kind::Lifted => &[
                r#"{"metrics":["wages_paid"],"group_by":["wages.NAME"]}"#,
                r#"{"metrics":["wages_paid"],"filter":{"field":"wages.NAME","op":">","value":0}}"#,
                r#"{"metrics":[{"name":"wages_paid","filter":{"field":"NAME","op":">","value":0}}]}"#,
                r#"{"table":"wages","group_by":["job"],"aggregations":[{"function":"sum","field":"NAME"}]}"#,
                r#"{"table":"wages","group_by":["job"],"metrics":["wages_paid"],"having":{"field":"NAME","op":">","value":0}}"#,
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
            Kind::Field => vec![
                Probe::Values(visits, name.clone()),
                Probe::MetricValues("turnover".to_owned(), name.clone()),
            ],
            Kind::Lifted => vec![
                Probe::Values("wages".to_owned(), name.clone()),
                Probe::MetricValues("wages_paid".to_owned(), name.clone()),
            ],
            Kind::Table | Kind::TableNumber => {
                vec![Probe::Table(name.clone()), Probe::Values(name.clone(), "id".to_owned())]
            }
            Kind::Metric | Kind::MetricNumber => {
                let region = "region".to_owned();
                vec![Probe::Metric(name.clone()), Probe::MetricValues(name.clone(), region)]
            }
            Kind::Segment | Kind::Measure => Vec::new(),
        });
        probes.push(Probe::Search(name));
        probes
    }
}

/// Questions that are answered to Sam, or refused for what he may know of, by their kinds.
const QUESTIONS: [&[&str]; 7] = [
    &[
        r#"{"table":"visits"}"#,
        r#"{"table":"visits","fields":["id","text","phone","note","patient.name","patient.phone"],"order_by":["id"]}"#,
    ],
    // Order and limits by what hidden rows would come first in.
    &[
        r#"{"table":"visits","fields":["id","amount"],"order_by":[{"field":"amount","order":"desc"}],"limit":3}"#,
        r#"{"table":"visits","fields":["id"],"order_by":["phone","id"],"limit":5}"#,
        r#"{"table":"visits","fields":["id","patient.name"],"order_by":["patient.name","id"],"limit":9}"#,
        r#"{"table":"patients","fields":["name","phone"],"order_by":[{"field":"id","order":"desc"}],"limit":2}"#,
    ],
    // What fails on hidden rows.
    &[
        r#"{"table":"visits","fields":["id","share"],"order_by":["share","id"]}"#,
        r#"{"table":"visits","fields":["id"],"filter":{"field":"share","op":"<","value":20},"order_by":["id"]}"#,
        r#"{"table":"visits","group_by":["share"],"aggregations":["count"],"order_by":["share"]}"#,
        r#"{"table":"visits","aggregations":[{"function":"sum","field":"share"}],"filter":{"not":{"field":"share","op":">","value":30}}}"#,
    ],
    // Counts and statistics.
    &[
        r#"{"table":"visits","aggregations":["count",{"function":"sum","field":"amount"},{"function":"min","field":"divisor"},{"function":"max","field":"amount"},{"function":"count_distinct","field":"text"}]}"#,
        r#"{"table":"patients","aggregations":["count",{"function":"max","field":"name"},{"function":"min","field":"phone"}]}"#,
        r#"{"table":"visits","aggregations":[{"function":"median","field":"amount"},{"function":"stddev","field":"amount"},{"function":"percentile_disc","field":"amount","p":1}]}"#,
        r#"{"metrics":["turnover","visits_made"]}"#,
        r#"{"metrics":["turnover"],"group_by":["region"]}"#,
        r#"{"metrics":["visits_made"],"group_by":["patient.name"],"order_by":["patient.name"]}"#,
        r#"{"table":"visits","measures":["mean_amount"],"segments":["dear"]}"#,
        r#"{"metrics":["turnover"],"group_by":["phone"],"shares":["turnover"],"order_by":["phone"]}"#,
        r#"{"metrics":["visits_made"],"group_by":["region","text"],"totals":[["region"],[]],"order_by":["text"]}"#,
    ],
    // By values that only hidden rows have, or that stand under a mask.
    &[
        r#"{"table":"visits","aggregations":["count"],"filter":{"field":"region","value":"south"}}"#,
        r#"{"table":"visits","aggregations":["count"],"filter":{"field":"text","op":"starts_with","value":"HIDDEN"}}"#,
        r#"{"table":"visits","aggregations":["count"],"filter":{"field":"phone","op":"contains","value":"RAW"}}"#,
        r#"{"table":"visits","fields":["id"],"filter":{"field":"patient.phone","op":"is_null"},"order_by":["id"]}"#,
        r#"{"table":"patients","aggregations":["count"],"filter":{"exists":"visits","filter":{"field":"amount","op":">","value":900}}}"#,
    ],
    // Conditions on numbers.
    &[
        r#"{"metrics":["turnover"],"group_by":["text"],"having":{"field":"turnover","op":">","value":100},"order_by":["text"]}"#,
        r#"{"from":{"metrics":["visits_made"],"group_by":["patient_id"]},"aggregations":["count",{"function":"max","field":"visits_made"}]}"#,
    ],
    // What is refused.
    &[
        r#"{"table":"visits","fields":["id"],"filter":{"field":"amount","value":"a lot"}}"#,
        r#"{"table":"visits","fields":["amuont","txt","code","twice"]}"#,
        r#"{"table":"audit","fields":["result"]}"#,
        r#"{"metrics":["turnovr","payroll"]}"#,
        r#"{"table":"visits","segments":["coded"],"measures":["mean"]}"#,
        r#"{"table":"visits","fields":["id"],"as":"chief@clinic.test"}"#,
    ],
];

/// What comes of a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// These rows, below the names of their columns: as CSV, with `;` between the lines.
    Rows(&'static str),
    /// A refusal with this code.
    Refused(&'static str),
}

use Expected::{Refused, Rows};

/// Who asks what, and what comes of it: added up by hand from the rows of the first world, by kinds.
pub(super) const ADDED_UP: [&[(Asker, &str, Expected)]; 7] = [
    // L4, L5: a table that is seen as a whole is none the smaller for what it leads to.
    &[
        (
            Asker::Sam,
            r#"{"metrics":["called"],"group_by":["patient.name"]}"#,
            Rows("patient.name,called;patient 0,1;patient 1,2;patient 2,4;patient 3,8;,112"),
        ),
        (
            Asker::Chief,
            r#"{"metrics":["called"],"group_by":["patient.name"]}"#,
            Rows(
                "patient.name,called;HIDDEN-ROW-1-4,16;HIDDEN-ROW-1-5,32;patient 0,1;patient 1,2;\
                 patient 2,4;patient 3,8;,64",
            ),
        ),
        (Asker::Sam, r#"{"table":"calls","aggregations":["count"]}"#, Rows("count;7")),
        (
            Asker::Sam,
            r#"{"table":"calls","fields":["id"],"filter":{"field":"patient.name","op":"is_null"}}"#,
            Rows("id;4;5;6"),
        ),
        (
            Asker::Sam,
            r#"{"metrics":["called"],"filter":{"field":"patient.region","value":"south"}}"#,
            Rows("called;"),
        ),
        (
            Asker::Sam,
            r#"{"table":"patients","aggregations":["count"],"filter":{"exists":"calls"}}"#,
            Rows("count;4"),
        ),
    ],
    // L33, L34: limits cut what is seen, and hidden rows come first.
    &[
        (
            Asker::Sam,
            r#"{"from":{"table":"visits","fields":["id"],"limit":14},"aggregations":["count"]}"#,
            Rows("count;14"),
        ),
        (Asker::Sam, r#"{"table":"visits","fields":["id"],"limit":3}"#, Rows("id;0;1;2")),
        (
            Asker::Sam,
            r#"{"table":"visits","fields":["id","patient.name"],"limit":5}"#,
            Rows("id,patient.name;0,patient 0;1,patient 1;2,patient 2;3,patient 3;4,"),
        ),
        (Asker::Chief, r#"{"table":"visits","fields":["id"],"limit":3}"#, Rows("id;-30;-29;-28")),
    ],
    // Two grants of a table: some rows in full, and of others some fields.
    &[
        (
            Asker::Sam,
            r#"{"table":"visits","fields":["id","text","amount","share","note"],"filter":{"field":"region","value":"west"}}"#,
            Rows("id,text,amount,share,note;100,,,,;101,,,,;102,,,,"),
        ),
        (
            Asker::Sam,
            r#"{"table":"visits","aggregations":["count",{"function":"count","field":"amount"},{"function":"count","field":"note"}]}"#,
            Rows("count,count_amount,count_note;15,12,12"),
        ),
        (
            Asker::Sam,
            r#"{"table":"visits","aggregations":["count"],"filter":{"field":"amount","op":">","value":900}}"#,
            Rows("count;0"),
        ),
    ],
    // A table that is made of others.
    &[
        (
            Asker::Sam,
            r#"{"table":"places"}"#,
            Rows("region,turnover,visits_made;north,582,12;west,,3"),
        ),
        (
            Asker::Sam,
            r#"{"table":"places","aggregations":["count",{"function":"max","field":"turnover"}]}"#,
            Rows("count,max_turnover;2,582"),
        ),
    ],
    // Rows that go with those they belong to, and whose values a set has.
    &[
        (
            Asker::Sam,
            r#"{"table":"doses"}"#,
            Rows("id,patient_id,giver,drops;0,0,0,1;4,,2,16;5,3,3,32"),
        ),
        (
            Asker::Sam,
            r#"{"table":"doses","aggregations":["count",{"function":"sum","field":"drops"}]}"#,
            Rows("count,sum_drops;3,49"),
        ),
        (
            Asker::Sam,
            r#"{"table":"doses","aggregations":["count"],"filter":{"field":"patient.name","op":"is_null"}}"#,
            Rows("count;1"),
        ),
        // Without the attribute no patient is seen: what is left belongs to none.
        (
            Asker::Noel,
            r#"{"table":"doses","aggregations":["count",{"function":"sum","field":"drops"}]}"#,
            Rows("count,sum_drops;1,16"),
        ),
        (
            Asker::Chief,
            r#"{"table":"doses","aggregations":["count",{"function":"sum","field":"drops"}]}"#,
            Rows("count,sum_drops;7,127"),
        ),
    ],
    // L29, L30: a number with its author's rights, and a table that is told in groups of three.
    &[
        (
            Asker::Sam,
            r#"{"metrics":["wages_paid","workers"],"group_by":["wages.ward"]}"#,
            Rows("wages.ward,wages_paid,workers;east,3111552015,4"),
        ),
        (
            Asker::Sam,
            r#"{"metrics":["wages_paid","workers"],"filter":{"field":"wages.ward","value":"home"}}"#,
            Rows("wages_paid,workers;,"),
        ),
        (
            Asker::Sam,
            r#"{"table":"wages","group_by":["job"],"aggregations":["count"]}"#,
            Rows("job,count;nurse,5"),
        ),
        (Asker::Sam, r#"{"table":"wages","group_by":["ward","job"]}"#, Rows("ward,job")),
        (Asker::Sam, r#"{"table":"wages","fields":["id"]}"#, Refused("Q0160")),
        (
            Asker::Sam,
            r#"{"metrics":["workers"],"filter":{"metric":"wages_paid","op":">","value":0}}"#,
            Rows("workers;"),
        ),
        // The same sum with the rights of who asks; who has them is told of single rows, too.
        (Asker::Sam, r#"{"metrics":["xsalaries"]}"#, Refused("Q0101")),
        (
            Asker::Chief,
            r#"{"metrics":["wages_paid","xsalaries","workers"],"group_by":["wages.ward"]}"#,
            Rows(
                "wages.ward,wages_paid,xsalaries,workers;east,3111552015,3111552015,4;\
                 home,1555776048,1555776048,2;roof,,777888064,1",
            ),
        ),
    ],
    // L37: what wants an attribute that is missing is not shown.
    &[
        (Asker::Noel, r#"{"table":"patients","aggregations":["count"]}"#, Refused("Q0104")),
        (Asker::Noel, r#"{"metrics":["turnover"]}"#, Refused("Q0101")),
        (
            Asker::Noel,
            r#"{"table":"visits","fields":["id","region"]}"#,
            Rows("id,region;100,west;101,west;102,west"),
        ),
        (
            Asker::Noel,
            r#"{"table":"visits","fields":["id"],"filter":{"field":"amount","op":">","value":0}}"#,
            Refused("Q0105"),
        ),
        (Asker::Noel, r#"{"metrics":["called"],"group_by":["patient.name"]}"#, Refused("Q0105")),
        (Asker::Noel, r#"{"metrics":["called"]}"#, Rows("called;127")),
    ],
];

/// The first question of each kind of those that name nothing hidden.
pub fn first_of_each() -> Vec<Probe> {
    let plain = QUESTIONS.into_iter().filter_map(|kind| kind.first().copied());
    let added_up = ADDED_UP.into_iter().filter_map(|kind| kind.first()).map(|(_, text, _)| *text);
    plain.chain(added_up).map(|text| Probe::Question(text.to_owned())).collect()
}

/// The questions that somebody asks, of which it was added up what he is told.
pub(super) fn added_up(who: Asker) -> impl Iterator<Item = Probe> {
    let his = ADDED_UP.into_iter().flatten().filter(move |(other, ..)| *other == who);
    his.map(|(_, text, _)| Probe::Question((*text).to_owned()))
}

/// What is asked without the name of anything that is hidden.
pub fn plain() -> Vec<Probe> {
    let questions = QUESTIONS.into_iter().flatten();
    let mut probes: Vec<Probe> =
        questions.map(|text| Probe::Question((*text).to_owned())).collect();
    for field in ["region", "text", "phone", "note", "share", "patient.name", "t70-1", "codes"] {
        probes.push(Probe::Values("visits".to_owned(), field.to_owned()));
    }
    for (table, field) in [("patients", "name"), ("wages", "ward"), ("doses", "drops")] {
        probes.push(Probe::Values(table.to_owned(), field.to_owned()));
    }
    for (metric, field) in [
        ("turnover", "phone"),
        ("visits_made", "patient.name"),
        ("called", "patient.region"),
        ("wages_paid", "job"),
        ("payroll", "region"),
    ] {
        probes.push(Probe::MetricValues(metric.to_owned(), field.to_owned()));
    }
    probes.extend([Probe::Tables, Probe::Metrics]);
    for name in ["visits", "patients", "wages", "places", "70", "audit", "visit"] {
        probes.push(Probe::Table(name.to_owned()));
    }
    for name in ["turnover", "visits_made", "wages_paid", "payroll", "1"] {
        probes.push(Probe::Metric(name.to_owned()));
    }
    for words in ["", "visits", "code", "audit", "payroll result", "x", "sum"] {
        probes.push(Probe::Search(words.to_owned()));
    }
    probes
}
