//! The file of settings of `sandbar serve`, as it is written. docs/server.md has every key.

use std::net::IpAddr;

use sandbar::decode::{Entries, Items, Located};
use serde::Deserialize;

use crate::args::LogLevel;

/// One file of settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) format: Option<Located<u32>>,
    pub(crate) host: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) log: Option<LogLevel>,
    pub(crate) models: Items<String>,
    pub(crate) policies: Items<String>,
    pub(crate) auth: AuthDef,
    pub(crate) sessions: SessionsDef,
    pub(crate) api_keys: Entries<ApiKeyDef>,
    pub(crate) limits: LimitsDef,
    pub(crate) metrics: Option<MetricsDef>,
    /// A file with the key of opaque questions and continuation tokens.
    pub(crate) token_key_file: Option<Located<String>>,
    pub(crate) hidden: HiddenDef,
    /// For how many seconds the end is told before it comes.
    pub(crate) drain: Option<Located<u64>>,
}

/// What v1 answers for a table or metric that there is and that the asker may not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum HiddenDef {
    /// What it answers for one that does not exist.
    #[default]
    Absent,
    /// 403, as Metabase does.
    Forbidden,
}

/// Where counts are served.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsDef {
    #[serde(default)]
    pub(crate) host: Option<IpAddr>,
    pub(crate) port: u16,
}

/// How tokens are checked.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthDef {
    pub(crate) secret_file: Option<Located<String>>,
    pub(crate) algorithm: Option<Located<String>>,
    pub(crate) keys: Items<KeyDef>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) token_type: Option<String>,
    pub(crate) max_age: Option<Located<u64>>,
    pub(crate) clock_skew: Option<Located<u64>>,
    pub(crate) max_lifetime: Option<Located<u64>>,
    pub(crate) required_claims: Items<String>,
    pub(crate) once: Option<Located<u64>>,
    pub(crate) claims: ClaimsDef,
    pub(crate) attributes_from_claims: Entries<String>,
    pub(crate) groups: Entries<Items<String>>,
    pub(crate) people: Option<PeopleDef>,
}

/// A file of keys.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyDef {
    pub(crate) file: String,
    #[serde(default)]
    pub(crate) algorithm: Option<String>,
    #[serde(default)]
    pub(crate) id: Option<String>,
}

/// What claims are called.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClaimsDef {
    pub(crate) email: Option<Located<String>>,
    pub(crate) groups: Option<Located<String>>,
    pub(crate) attributes: Option<Located<String>>,
    pub(crate) scope: Option<Located<String>>,
}

/// Who is known.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleDef {
    pub(crate) file: Located<String>,
    #[serde(default)]
    pub(crate) unknown: UnknownPeople,
}

/// What becomes of whoever is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownPeople {
    /// He is not let in.
    #[default]
    Refuse,
    /// He is known from now on, until the server ends.
    Add,
}

/// How long sessions last, and how many there are.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionsDef {
    pub(crate) lifetime: Option<Located<u64>>,
    pub(crate) most: Option<Located<u64>>,
    pub(crate) most_each: Option<Located<u64>>,
}

/// A service.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyDef {
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) groups: Items<String>,
    #[serde(default)]
    pub(crate) attributes: Entries<serde_json::Value>,
    #[serde(default)]
    pub(crate) scope: Option<String>,
    #[serde(default)]
    pub(crate) expires: Option<String>,
}

/// How often, and how much.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsDef {
    pub(crate) failures: Option<RateDef>,
    pub(crate) requests: Option<RateDef>,
    /// How many rows one person or service is given in an hour.
    pub(crate) rows_per_hour: Option<Located<u32>>,
    /// How many bytes of answers are kept.
    pub(crate) kept_answers: Option<Located<u64>>,
    /// For how many seconds a question may be answered.
    pub(crate) time: Option<Located<u64>>,
    /// How many rows an answer has.
    pub(crate) rows: Option<Located<u64>>,
    /// How many bytes of memory one question may use.
    pub(crate) memory: Option<Located<u64>>,
    /// How many all of them may use together.
    pub(crate) total_memory: Option<Located<u64>>,
    /// How many questions run at a time.
    pub(crate) running: Option<Located<u64>>,
    /// How many of one person or service.
    pub(crate) per_principal: Option<Located<u64>>,
    pub(crate) connections: ConnectionsDef,
}

/// How many connections, and for how long.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConnectionsDef {
    pub(crate) open: Option<Located<u64>>,
    pub(crate) per_address: Option<Located<u64>>,
    /// For how many seconds the head of a request is waited for.
    pub(crate) head: Option<Located<u64>>,
}

/// So many at once, and so many more a minute.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RateDef {
    pub(crate) burst: Located<u32>,
    pub(crate) per_minute: Located<u32>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The keys of all maps whose keys are fixed, somewhere in a schema.
    fn keys(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                members.values().for_each(|value| keys(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_manual_has_every_key() {
        let manual = include_str!("../../../docs/server.md");
        let rows = manual.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let told: BTreeSet<&str> = rows.flat_map(|(path, _)| path.split('.')).collect();
        let mut found = BTreeSet::new();
        keys(&schemars::schema_for!(ConfigFile).to_value(), &mut found);
        assert!(found.len() > 30, "{found:?}");
        let missing: Vec<_> = found.iter().filter(|key| !told.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "docs/server.md does not have {missing:?}");
    }

    #[test]
    fn the_manual_shows_a_file_with_every_key() {
        let manual = include_str!("../../../docs/server.md");
        let text = manual.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let mut findings = Vec::new();
        sandbar::SourceText::new("server.yaml", text).decode::<ConfigFile>(&mut findings);
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
        let mut found = BTreeSet::new();
        keys(&schemars::schema_for!(ConfigFile).to_value(), &mut found);
        let missing: Vec<_> =
            found.iter().filter(|key| !text.contains(&format!("{key}:"))).collect();
        assert!(missing.is_empty(), "the example does not have {missing:?}");
    }
}
