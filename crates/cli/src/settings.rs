//! What `sandbar serve` is told, by a file and on the command line, checked as a whole.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sandbar::decode::{Items, Located, Problem};
use sandbar::query::instant;
use sandbar::{
    Administrator, Admission, Algorithm, ApiKey, ApiKeyError, ApiKeys, AttributeValue, Directory,
    EngineBuilder, Finding, KeyError, KeyRing, KeySet, Limits, People, RateLimit, Report, Sessions,
    SourceText, Verifier, VerifyingKey, read_people,
};
use sandbar_http::{Access, Connections, Options, TokenKey};

use crate::args::{LogLevel, ServeArgs};
use crate::config::{ApiKeyDef, ClaimsDef, ConfigFile, HiddenDef, KeyDef, RateDef, UnknownPeople};
use crate::failure::Failure;
use crate::secret::{development, of_environment, of_file};

const FORMAT: &str = "A0200";
const BOUNDS: &str = "A0201";
const KEY: &str = "A0202";
const SECRET: &str = "A0203";
const API_KEY: &str = "A0204";
const CLAIMS: &str = "A0205";
const PEOPLE: &str = "A0206";

const DAY: u64 = 24 * 3_600;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// What a server is made of besides its model.
pub(crate) struct Settings {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) log: LogLevel,
    pub(crate) models: Vec<PathBuf>,
    pub(crate) policies: Vec<PathBuf>,
    pub(crate) keys: KeySet,
    pub(crate) people: Option<People>,
    pub(crate) api_keys: ApiKeys,
    token_key: Option<TokenKey>,
    /// The file that was read.
    file: ConfigFile,
    /// The secret is the one of this account, which is for loopback addresses.
    pub(crate) is_development: bool,
}

/// Reads a file of settings, checks it and what it names, and puts what the command line says on
/// top.
pub(crate) fn settings(args: &ServeArgs) -> Result<Settings, Failure> {
    let mut findings = Vec::new();
    let (source, file) = match &args.config {
        None => (None, ConfigFile::default()),
        Some(path) => {
            let name = path.display().to_string();
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::wrong(format!("{name}: {error}")))?;
            let source = SourceText::new(name, text);
            let file = source.decode(&mut findings);
            (Some(source), file)
        }
    };
    let folder = args.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let mut checker = Checker { source, folder, findings };
    checker.file(&file);
    let keys = checker.keys(args, &file)?;
    let people = checker.people(&file);
    let api_keys = checker.api_keys(&file);
    let token_key = checker.token_key(&file);
    let report = |findings| Failure::refused(Report::new(findings).to_string());
    if !checker.findings.is_empty() {
        return Err(report(checker.findings));
    }
    let host = args.host.or(file.host).unwrap_or(Ipv4Addr::LOCALHOST.into());
    let is_development = keys.is_empty();
    if is_development && !host.is_loopback() {
        return Err(Failure::wrong(format!(
            "the development secret is for loopback addresses, and {host} is none: give \
             SANDBAR_JWT_SECRET, --jwt-secret-file or --jwks"
        )));
    }
    let wrong = |error: KeyError| Failure::wrong(error.to_string());
    let keys = if is_development {
        VerifyingKey::shared(Algorithm::Hs256, development()?).map_err(wrong)?.into()
    } else {
        KeySet::new(keys).map_err(wrong)?
    };
    let paths = |given: &[PathBuf], said: &Items<String>| match given {
        [] => said.iter().map(|path| folder.join(&path.value)).collect(),
        given => given.to_vec(),
    };
    Ok(Settings {
        host,
        port: args.port.or(file.port).unwrap_or(8817),
        log: args.log.or(file.log).unwrap_or(LogLevel::Warn),
        models: paths(&args.project.models, &file.models),
        policies: paths(&args.project.policies, &file.policies),
        keys,
        people,
        api_keys,
        token_key,
        is_development,
        file,
    })
}

/// Checks a file, and reads the files that it names.
struct Checker<'c> {
    source: Option<SourceText>,
    /// Where the file lies, and the paths in it start.
    folder: &'c Path,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn at<T>(&mut self, value: &Located<T>, code: &'static str, message: impl Into<String>) {
        let (place, path) = (value.place.or(value.key_place), value.path.clone());
        let problem = Problem { code, place, path, message: message.into(), suggestion: None };
        self.findings.push(Finding { file: self.source.clone(), problem });
    }

    /// What can be said of the file alone.
    fn file(&mut self, file: &ConfigFile) {
        if let Some(format) = file.format.as_ref().filter(|format| format.value != 1) {
            self.at(format, FORMAT, format!("format {} is not known: say 1", format.value));
        }
        let auth = &file.auth;
        for (number, most) in [
            (&auth.max_age, DAY),
            (&auth.max_lifetime, 366 * DAY),
            (&auth.once, 10_000_000),
            (&file.sessions.lifetime, 14 * DAY),
            (&file.sessions.most, 10_000_000),
            (&file.sessions.most_each, 1_000),
        ] {
            self.within(number.as_ref(), 1, most);
        }
        self.within(auth.clock_skew.as_ref(), 0, 60);
        for rate in [&file.limits.failures, &file.limits.requests].into_iter().flatten() {
            self.within(Some(&rate.burst), 1, 1_000_000);
            self.within(Some(&rate.per_minute), 1, 1_000_000);
        }
        self.within(file.limits.rows_per_hour.as_ref(), 1, 1_000_000_000);
        self.within(file.limits.kept_answers.as_ref(), MIB, 1 << 36);
        let (limits, connections) = (&file.limits, &file.limits.connections);
        for (number, least, most) in [
            (&limits.time, 1, 3_600),
            (&limits.rows, 1, 10_000_000),
            (&limits.memory, MIB, TIB),
            (&limits.total_memory, MIB, TIB),
            (&limits.running, 1, 1_024),
            (&limits.per_principal, 1, 1_024),
            (&connections.open, 1, 65_536),
            (&connections.per_address, 1, 65_536),
            (&connections.head, 1, 300),
        ] {
            self.within(number.as_ref(), least, most);
        }
        self.within(file.drain.as_ref(), 0, 300);
        self.claims(file);
    }

    fn within<N: Copy + Into<u64>>(&mut self, number: Option<&Located<N>>, least: u64, most: u64) {
        let Some(number) = number else { return };
        let said: u64 = number.value.into();
        if !(least..=most).contains(&said) {
            self.at(number, BOUNDS, format!("{said} is not from {least} to {most}"));
        }
    }

    /// Each claim is for one thing, so that nobody says two things with one word.
    fn claims(&mut self, file: &ConfigFile) {
        let ClaimsDef { email, groups, attributes, scope } = &file.auth.claims;
        let mut taken: Vec<(String, &str)> = ["iat", "exp", "nbf", "iss", "aud", "jti"]
            .map(|name| (name.to_owned(), "itself"))
            .into();
        let own = [
            (email, "email", "the address"),
            (groups, "groups", "the groups"),
            (attributes, "attributes", "the attributes"),
            (scope, "scope", "the scope"),
        ];
        for (said, name, meaning) in own {
            let claim = said.as_ref().map_or(name, |said| said.value.as_str());
            let known = taken.iter().find(|(known, _)| known == claim);
            if let (Some((_, other)), Some(said)) = (known, said) {
                let message = format!("`{claim}` stands for {other} already, so not for {meaning}");
                self.at(said, CLAIMS, message);
            }
            taken.push((claim.to_owned(), meaning));
        }
        let mut attributes: Vec<&str> = Vec::new();
        for (claim, attribute) in file.auth.attributes_from_claims.iter() {
            if let Some((_, other)) = taken.iter().find(|(known, _)| known == claim) {
                let message = format!("`{claim}` stands for {other} already, so for no attribute");
                self.at(attribute, CLAIMS, message);
            }
            if attributes.contains(&attribute.value.as_str()) {
                let message = format!("two claims give the attribute `{}`", attribute.value);
                self.at(attribute, CLAIMS, message);
            }
            attributes.push(&attribute.value);
        }
    }

    /// The keys of the secret and of the files; none if none is named anywhere.
    fn keys(&mut self, args: &ServeArgs, file: &ConfigFile) -> Result<Vec<VerifyingKey>, Failure> {
        let mut keys: Vec<VerifyingKey> = self.secret(args, file)?.into_iter().collect();
        for path in &args.jwks {
            let failed = |why: String| Failure::wrong(format!("{}: {why}", path.display()));
            let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            let set = KeySet::parse(&text, None).map_err(|error| failed(error.to_string()))?;
            keys.extend(set.keys().iter().cloned());
        }
        for def in file.auth.keys.iter() {
            match self.key_file(def) {
                Ok(more) => keys.extend(more),
                Err(why) => self.at(def, KEY, format!("{}: {why}", def.file)),
            }
        }
        if let (Err(error), Some(def)) = (
            if keys.is_empty() { Ok(()) } else { KeySet::new(keys.iter().cloned()).map(|_| ()) },
            file.auth.keys.iter().next(),
        ) {
            self.at(def, KEY, error.to_string());
        }
        Ok(keys)
    }

    fn key_file(&self, def: &KeyDef) -> Result<Vec<VerifyingKey>, String> {
        let text = fs::read_to_string(self.folder.join(&def.file)).map_err(|e| e.to_string())?;
        let algorithm = def.algorithm.as_deref().map(named).transpose()?;
        let set = KeySet::parse(&text, algorithm).map_err(|error| error.to_string())?;
        let Some(id) = &def.id else { return Ok(set.keys().to_vec()) };
        let [key] = set.keys() else { return Err("an `id` is for a single key".to_owned()) };
        Ok(vec![key.clone().id(id).map_err(|error| error.to_string())?])
    }

    /// The shared secret: of the command line, or else the environment, or else the file.
    fn secret(
        &mut self,
        args: &ServeArgs,
        file: &ConfigFile,
    ) -> Result<Option<VerifyingKey>, Failure> {
        let algorithm = match file.auth.algorithm.as_ref().map(|said| (said, named(&said.value))) {
            None => Algorithm::Hs256,
            Some((_, Ok(algorithm))) => algorithm,
            Some((said, Err(why))) => {
                self.at(said, SECRET, why);
                return Ok(None);
            }
        };
        let (secret, said) = match (&args.secret.jwt_secret_file, &file.auth.secret_file) {
            (Some(path), _) => (of_file(path)?, None),
            (None, said) => match (of_environment()?, said) {
                (Some(secret), _) => (secret, None),
                (None, None) => {
                    if let Some(said) = &file.auth.algorithm {
                        self.at(said, SECRET, "this is for a secret, and none is given");
                    }
                    return Ok(None);
                }
                (None, Some(said)) => match of_file(&self.folder.join(&said.value)) {
                    Ok(secret) => (secret, Some(said)),
                    Err(failure) => {
                        self.at(said, SECRET, failure.message());
                        return Ok(None);
                    }
                },
            },
        };
        match (VerifyingKey::shared(algorithm, secret), said) {
            (Ok(key), _) => Ok(Some(key)),
            (Err(error), None) => Err(Failure::wrong(error.to_string())),
            (Err(error), Some(said)) => {
                self.at(said, SECRET, error.to_string());
                Ok(None)
            }
        }
    }

    /// The key of what clients are handed and give back.
    fn token_key(&mut self, file: &ConfigFile) -> Option<TokenKey> {
        let said = file.token_key_file.as_ref()?;
        let text = match of_file(&self.folder.join(&said.value)) {
            Ok(text) => text,
            Err(failure) => {
                self.at(said, SECRET, failure.message());
                return None;
            }
        };
        let key = of_digits(&text);
        if key.is_none() {
            let message = format!("{}: the key is 64 hexadecimal digits", said.value);
            self.at(said, SECRET, message);
        }
        key
    }

    fn people(&mut self, file: &ConfigFile) -> Option<People> {
        let said = &file.auth.people.as_ref()?.file;
        let path = self.folder.join(&said.value);
        match fs::read_to_string(&path) {
            Err(error) => self.at(said, PEOPLE, format!("{}: {error}", said.value)),
            Ok(text) => match read_people(&SourceText::new(path.display().to_string(), text)) {
                Ok(people) => return Some(people),
                Err(report) => self.findings.extend(report.findings().iter().cloned()),
            },
        }
        None
    }

    fn api_keys(&mut self, file: &ConfigFile) -> ApiKeys {
        let mut keys = Vec::new();
        for (name, def) in file.api_keys.iter() {
            match api_key(name, def) {
                Ok(key) => keys.push((key, def)),
                Err(why) => self.at(def, API_KEY, why),
            }
        }
        match (ApiKeys::new(keys.iter().map(|(key, _)| key.clone())), keys.last()) {
            (Ok(keys), _) => return keys,
            (Err(error), Some((_, def))) => self.at(def, API_KEY, error.to_string()),
            (Err(_), None) => {}
        }
        ApiKeys::default()
    }
}

/// The key of 32 bytes that are written as hexadecimal digits.
fn of_digits(text: &str) -> Option<TokenKey> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2);
    let bytes =
        pairs.map(|pair| u8::try_from(pair.iter().fold(0_u32, |byte, d| 16 * byte + d)).ok());
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    if digits.len() == 64 { <[u8; 32]>::try_from(bytes).ok().map(TokenKey::new) } else { None }
}

fn named(algorithm: &str) -> Result<Algorithm, String> {
    Algorithm::named(algorithm).ok_or_else(|| {
        let known: Vec<&str> = Algorithm::ALL.iter().map(|known| known.name()).collect();
        format!("`{algorithm}` is none of {}", known.join(", "))
    })
}

fn api_key(name: &str, def: &ApiKeyDef) -> Result<ApiKey, String> {
    let told = |error: ApiKeyError| error.to_string();
    let mut key = ApiKey::new(name, &def.digest).map_err(told)?;
    for group in def.groups.iter() {
        key = key.group(&group.value).map_err(told)?;
    }
    for (name, value) in def.attributes.iter() {
        key = key.attribute(name, AttributeValue::from_json(&value.value)).map_err(told)?;
    }
    if let Some(scope) = &def.scope {
        key = key.scope(scope).map_err(told)?;
    }
    let Some(expires) = &def.expires else { return Ok(key) };
    // Read as every instant is, but that it has an offset.
    let known = instant(expires, &TimeZone::UTC);
    let instant =
        expires.parse::<Timestamp>().ok().filter(|_| known.is_some()).ok_or_else(|| {
            format!(
                "`{expires}` is no instant such as `2027-01-01T00:00:00Z`, from which on it is over"
            )
        })?;
    Ok(key.ends(u64::try_from(instant.as_second()).unwrap_or(0)))
}

impl Settings {
    /// The sessions and limits of the server, and its services.
    pub(crate) fn access(&mut self) -> Access {
        let sessions = &self.file.sessions;
        let count = |number: &Option<Located<u64>>, otherwise: usize| {
            number.as_ref().map_or(otherwise, size)
        };
        let lifetime = sessions.lifetime.as_ref().map_or(8 * 3_600, |seconds| seconds.value);
        let mut access = Access::default().with_sessions(
            Sessions::new(lifetime)
                .at_most(count(&sessions.most, 100_000))
                .at_most_each(count(&sessions.most_each, 32)),
        );
        let rate = |def: &RateDef| RateLimit::new(def.burst.value, def.per_minute.value);
        if let Some(def) = &self.file.limits.failures {
            access = access.with_failures(rate(def));
        }
        if let Some(def) = &self.file.limits.requests {
            access = access.with_requests(rate(def));
        }
        access.with_api_keys(std::mem::take(&mut self.api_keys))
    }

    /// What is decided about the door, but who is let in.
    pub(crate) fn options(&mut self) -> Options {
        let mut options = Options::default();
        if let Some(key) = self.token_key.take() {
            options = options.token_key(key);
        }
        match self.file.hidden {
            HiddenDef::Absent => options,
            HiddenDef::Forbidden => options.forbid_hidden(Administrator::asserted_by_host()),
        }
    }

    /// The same engine, within what is said of questions.
    pub(crate) fn bounded(&self, mut builder: EngineBuilder) -> EngineBuilder {
        let said = &self.file.limits;
        let (mut limits, mut admission) = (Limits::default(), Admission::default());
        if let Some(seconds) = &said.time {
            limits = limits.with_time(Some(Duration::from_secs(seconds.value)));
        }
        if let Some(rows) = &said.rows {
            limits = limits.with_rows(rows.value);
        }
        if let Some(bytes) = &said.memory {
            limits = limits.with_memory(size(bytes));
        }
        if let Some(many) = &said.running {
            admission = admission.with_running(size(many));
        }
        if let Some(many) = &said.per_principal {
            admission = admission.with_per_principal(size(many));
        }
        if let Some(bytes) = &said.total_memory {
            builder = builder.memory(size(bytes));
        }
        if let Some(rows) = &said.rows_per_hour {
            builder = builder.rows_per_hour(rows.value);
        }
        if let Some(bytes) = &said.kept_answers {
            builder = builder.keep_answers(bytes.value);
        }
        builder.limits(limits).admission(admission)
    }

    /// Where counts are served, if anywhere.
    pub(crate) fn metrics(&self) -> Option<SocketAddr> {
        let def = self.file.metrics?;
        Some(SocketAddr::new(def.host.unwrap_or(Ipv4Addr::LOCALHOST.into()), def.port))
    }

    /// What its connections may cost, and how they end.
    pub(crate) fn connections(&self) -> Connections {
        let said = &self.file.limits.connections;
        let drain = self.file.drain.as_ref().map_or(0, |seconds| seconds.value);
        let mut connections = Connections::default().with_drain(Duration::from_secs(drain));
        if let Some(many) = &said.open {
            connections = connections.with_open(size(many));
        }
        if let Some(many) = &said.per_address {
            connections = connections.with_per_address(size(many));
        }
        if let Some(seconds) = &said.head {
            connections = connections.with_head(Duration::from_secs(seconds.value));
        }
        connections
    }

    /// What tokens are held to, with keys and people that may be replaced.
    pub(crate) fn verifier(&self, keys: KeyRing, people: Option<Arc<People>>) -> Verifier {
        verifier(&self.file, keys, people)
    }
}

/// A number of things, or of bytes, in memory.
fn size(number: &Located<u64>) -> usize {
    usize::try_from(number.value).unwrap_or(usize::MAX)
}

fn verifier(file: &ConfigFile, keys: KeyRing, people: Option<Arc<People>>) -> Verifier {
    let auth = &file.auth;
    let mut verifier = Verifier::with_keys(keys);
    if let Some(issuer) = &auth.issuer {
        verifier = verifier.issuer(issuer);
    }
    if let Some(audience) = &auth.audience {
        verifier = verifier.audience(audience);
    }
    if let Some(name) = &auth.token_type {
        verifier = verifier.token_type(name);
    }
    if let Some(seconds) = &auth.max_age {
        verifier = verifier.max_age(seconds.value);
    }
    if let Some(seconds) = &auth.clock_skew {
        verifier = verifier.clock_skew(seconds.value);
    }
    if let Some(seconds) = &auth.max_lifetime {
        verifier = verifier.max_lifetime(seconds.value);
    }
    for claim in auth.required_claims.iter() {
        verifier = verifier.require_claim(&claim.value);
    }
    if let Some(most) = &auth.once {
        verifier = verifier.once(usize::try_from(most.value).unwrap_or(usize::MAX));
    }
    if let Some(claim) = &auth.claims.email {
        verifier = verifier.email_claim(claim);
    }
    if let Some(claim) = &auth.claims.groups {
        verifier = verifier.groups_claim(claim);
    }
    if let Some(claim) = &auth.claims.attributes {
        verifier = verifier.attributes_claim(claim);
    }
    if let Some(claim) = &auth.claims.scope {
        verifier = verifier.scope_claim(claim);
    }
    for (claim, attribute) in auth.attributes_from_claims.iter() {
        verifier = verifier.attribute_from_claim(claim, attribute);
    }
    for (of_tokens, of_policies) in auth.groups.iter() {
        let names: Vec<&str> = of_policies.iter().map(|name| name.value.as_str()).collect();
        verifier = verifier.map_group(of_tokens, &names);
    }
    let unknown = auth.people.as_ref().map(|def| def.unknown);
    match (people.map(|people| people as Arc<dyn Directory>), unknown) {
        (Some(people), Some(UnknownPeople::Add)) => verifier.provisioned_people(people),
        (Some(people), _) => verifier.known_people(people),
        (None, _) => verifier,
    }
}
