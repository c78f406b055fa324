//! What a route takes and gives, as its document tells (OpenAPI 3.1).

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// The schema of a type, among those that the document has.
type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What a route takes and gives.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// What generated clients call it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    /// Any of these.
    pub(crate) bodies: Vec<Shape>,
    pub(crate) status: u16,
    /// Any of these; nothing where there is no content.
    pub(crate) answers: Vec<Shape>,
    /// Further forms in which it comes.
    pub(crate) media: &'static [&'static str],
    /// The headers of what it gives, beside those of every answer.
    pub(crate) headers: &'static [Header],
    /// What it gives has a tag, and whoever has it already is told so.
    pub(crate) tagged: bool,
    /// The statuses of the refusals that its clients are to know.
    pub(crate) refusals: BTreeSet<u16>,
    /// Any of these; where it is empty, what refusals are everywhere.
    pub(crate) refused: Vec<Shape>,
    /// Refusals are plain text, too.
    pub(crate) in_text: bool,
    pub(crate) askers: Askers,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Askers {
    /// Whoever is known by a session, an API key or a token.
    Known,
    /// Whoever has a session.
    OfSession,
    Anybody,
}

/// A header that answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    RequestId,
    Tag,
    Scoped,
    Snapshot,
    Truncated,
    Warnings,
    Continuation,
    Code,
    RetryAfter,
    Scheme,
}

impl Header {
    pub(crate) const ALL: [Self; 10] = [
        Self::RequestId,
        Self::Tag,
        Self::Scoped,
        Self::Snapshot,
        Self::Truncated,
        Self::Warnings,
        Self::Continuation,
        Self::Code,
        Self::RetryAfter,
        Self::Scheme,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RequestId => "x-request-id",
            Self::Tag => "etag",
            Self::Scoped => "x-sandbar-scoped",
            Self::Snapshot => "x-sandbar-snapshot",
            Self::Truncated => "x-sandbar-truncated",
            Self::Warnings => "x-sandbar-warnings",
            Self::Continuation => "x-sandbar-continuation",
            Self::Code => "x-sandbar-code",
            Self::RetryAfter => "retry-after",
            Self::Scheme => "www-authenticate",
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::RequestId => "by what the request is found in the log",
            Self::Tag => "the tag of what is told, for `If-None-Match`",
            Self::Scoped => "whether what was read was narrowed for the asker",
            Self::Snapshot => "the number of the model and policies that were seen",
            Self::Truncated => "whether there are more rows than were given",
            Self::Warnings => "the codes of what the asker should know",
            Self::Continuation => "the token of the next page, where it does not stand in the body",
            Self::Code => "the code that docs/errors.md explains",
            Self::RetryAfter => "how many seconds to wait",
            Self::Scheme => "`Bearer`",
        }
    }
}

/// A parameter of the address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
    pub(crate) required: bool,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `true` or `false`, if left out as said.
    Flag(bool),
    /// A whole number of at least this.
    Number(u64),
    Text,
}

impl Operation {
    pub(crate) fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            parameters: Vec::new(),
            bodies: Vec::new(),
            status: 200,
            answers: Vec::new(),
            media: &[],
            headers: &[],
            tagged: false,
            refusals: BTreeSet::from([400, 401, 429]),
            refused: Vec::new(),
            in_text: false,
            askers: Askers::Known,
        }
    }

    /// Takes a parameter that may be left out.
    pub(crate) fn takes(mut self, name: &'static str, kind: Kind, about: &'static str) -> Self {
        self.parameters.push(Parameter { name, kind, about, required: false });
        self
    }

    /// Takes a parameter that has to be there.
    pub(crate) fn needs(mut self, name: &'static str, kind: Kind, about: &'static str) -> Self {
        self.parameters.push(Parameter { name, kind, about, required: true });
        self
    }

    /// Takes such a body; of several, any.
    pub(crate) fn body<T: JsonSchema>(mut self) -> Self {
        self.bodies.push(SchemaGenerator::subschema_for::<T>);
        self.refuses(&[413, 415])
    }

    /// Gives such an answer; of several, any.
    pub(crate) fn gives<T: JsonSchema>(mut self) -> Self {
        self.answers.push(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// With another status than 200.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// In these forms as well.
    pub(crate) fn also_as(self, media: &'static [&'static str]) -> Self {
        Self { media, ..self }
    }

    /// With these headers.
    pub(crate) fn tells(self, headers: &'static [Header]) -> Self {
        Self { headers, ..self }
    }

    /// With these statuses for refusals as well.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// With such refusals; of several, any.
    pub(crate) fn refused_as<T: JsonSchema>(mut self) -> Self {
        self.refused.push(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// With refusals that are plain text, too.
    pub(crate) fn refused_in_text(self) -> Self {
        Self { in_text: true, ..self }
    }

    /// For whoever has a session.
    pub(crate) fn of_session(self) -> Self {
        Self { askers: Askers::OfSession, ..self }
    }

    /// For anybody: nobody is asked who he is, nor has asked too often.
    pub(crate) fn public(mut self) -> Self {
        self.refusals.remove(&401);
        self.refusals.remove(&429);
        Self { askers: Askers::Anybody, ..self }
    }
}
