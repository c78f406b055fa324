//! What a route takes and gives, as its document tells (OpenAPI 3.1).

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
    /// Anybody may ask.
    pub(crate) public: bool,
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
            public: false,
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
        self
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

    /// For anybody.
    pub(crate) fn public(self) -> Self {
        Self { public: true, ..self }
    }
}
