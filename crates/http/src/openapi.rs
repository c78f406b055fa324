//! The document of all routes (OpenAPI 3.1): made of the types that go over the wire, and of what
//! each route says where it is put together. It holds nothing of a model.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::format::Format;
use crate::operation::{Askers, Header, Kind, Operation, Parameter};
use crate::refusal;
use crate::routes::Route;

/// The document of these routes.
pub(crate) fn document(routes: &[(Route, Operation)]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    // What is given always has the members that are not left out; what is taken may lack them.
    let mut given = settings.clone().for_serialize().into_generator();
    let mut taken = settings.into_generator();
    let refusal = given.subschema_for::<refusal::Body<'_>>().to_value();
    let mut paths = Map::new();
    for (route, operation) in routes {
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let told = told(route, operation, &refusal, &mut given, &mut taken);
            path.insert(route.method.to_ascii_lowercase(), told);
        }
    }
    let mut schemas = taken.take_definitions(true);
    schemas.extend(given.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sandbar",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Questions to a semantic model, each answered with what its asker may see.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": headers(&Header::ALL, told_header),
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "header", "name": "X-Metabase-Session" },
                "api_key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
        "security": [{ "session": [] }, { "api_key": [] }, { "token": [] }],
    })
}

fn told(
    route: &Route,
    operation: &Operation,
    refusal: &Value,
    given: &mut SchemaGenerator,
    taken: &mut SchemaGenerator,
) -> Value {
    let mut told = json!({ "operationId": operation.id, "summary": operation.summary });
    let named = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let named = named.map(|name| {
        let schema = json!({ "type": "string", "minLength": 1 });
        let about = "a number or a name";
        json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
    });
    let mut parameters: Vec<Value> = named.collect();
    parameters.extend(operation.parameters.iter().map(parameter));
    if operation.tagged {
        let about = "tags of what is there already";
        let schema = json!({ "type": "string" });
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false, "description": about,
            "schema": schema,
        }));
    }
    if let Some(members) = told.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        let body = one_of(operation.bodies.iter().map(|shape| shape(taken)).collect());
        if let Some(body) = body {
            let content = json!({ "application/json": { "schema": body } });
            members
                .insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        }
        members.insert("responses".to_owned(), responses(operation, refusal, given).into());
        match operation.askers {
            Askers::Known => {}
            Askers::OfSession => {
                members.insert("security".to_owned(), json!([{ "session": [] }]));
            }
            Askers::Anybody => {
                members.insert("security".to_owned(), json!([]));
            }
        }
    }
    told
}

/// What comes back, by its status.
fn responses(
    operation: &Operation,
    refusal: &Value,
    given: &mut SchemaGenerator,
) -> Map<String, Value> {
    let mut content = Map::new();
    if let Some(answer) = one_of(operation.answers.iter().map(|shape| shape(given)).collect()) {
        content.insert("application/json".to_owned(), json!({ "schema": answer }));
    }
    for media in operation.media {
        content.insert((*media).to_owned(), json!({ "schema": as_bytes(media) }));
    }
    let mut own = vec![Header::RequestId];
    own.extend(operation.tagged.then_some(Header::Tag));
    let tag = own.clone();
    own.extend(operation.headers);
    let mut responses = Map::new();
    let answer = response("what was asked for", &own, content);
    responses.insert(operation.status.to_string(), answer);
    if operation.tagged {
        let about = "nothing, since the asker has it: its tag is among those of `If-None-Match`";
        responses.insert("304".to_owned(), response(about, &tag, Map::new()));
    }
    let refused = one_of(operation.refused.iter().map(|shape| shape(given)).collect());
    let mut content = Map::new();
    let schema = refused.unwrap_or_else(|| refusal.clone());
    content.insert("application/json".to_owned(), json!({ "schema": schema }));
    if operation.in_text {
        content.insert("text/plain".to_owned(), json!({ "schema": { "type": "string" } }));
    }
    for status in &operation.refusals {
        let mut own = vec![Header::RequestId, Header::Code];
        match *status {
            401 if operation.askers != Askers::Anybody => own.push(Header::Scheme),
            429 => own.push(Header::RetryAfter),
            _ => {}
        }
        let refused = response(about(*status), &own, content.clone());
        responses.insert(status.to_string(), refused);
    }
    let other = "any other refusal: docs/errors.md explains its code";
    let other = response(other, &[Header::RequestId, Header::Code], content);
    responses.insert("default".to_owned(), other);
    responses
}

fn response(about: &str, own: &[Header], content: Map<String, Value>) -> Value {
    let reference = |header: Header| {
        let pointer = format!("#/components/headers/{}", header.name());
        json!({ "$ref": pointer })
    };
    let mut told = json!({ "description": about, "headers": headers(own, reference) });
    if let (Some(members), false) = (told.as_object_mut(), content.is_empty()) {
        members.insert("content".to_owned(), content.into());
    }
    told
}

/// What a refusal says by its status.
fn about(status: u16) -> &'static str {
    match status {
        400 => "what was sent means nothing here",
        401 => "nobody is known to have sent it",
        403 => "the asker, or his token, is not for this",
        404 => "there is no such thing, for all that the asker may know",
        406 => "it does not come in any of the accepted forms",
        413 => "what was sent is too large",
        415 => "what was sent is not JSON in UTF-8",
        422 => "it takes more than one question may use",
        429 => "too often, or too many at a time",
        503 => "the server ends",
        _ => "a refusal",
    }
}

/// Headers by their names.
fn headers(own: &[Header], told: impl Fn(Header) -> Value) -> Map<String, Value> {
    own.iter().map(|header| (header.name().to_owned(), told(*header))).collect()
}

fn told_header(header: Header) -> Value {
    let schema = match header {
        Header::Scoped | Header::Truncated => json!({ "type": "boolean" }),
        Header::Snapshot | Header::RetryAfter => json!({ "type": "integer", "minimum": 0 }),
        _ => json!({ "type": "string" }),
    };
    json!({ "description": header.about(), "schema": schema })
}

/// A body that is no JSON.
fn as_bytes(media: &str) -> Value {
    if media.starts_with("text/") || media == Format::Lines.media_type() {
        json!({ "type": "string" })
    } else {
        json!({ "type": "string", "contentMediaType": media })
    }
}

fn one_of(mut schemas: Vec<Schema>) -> Option<Value> {
    match schemas.len() {
        0 => None,
        1 => schemas.pop().map(Schema::to_value),
        _ => Some(json!({ "anyOf": schemas })),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Flag(default) => json!({ "type": "boolean", "default": default }),
        Kind::Number(least) => json!({ "type": "integer", "format": "uint64", "minimum": least }),
        Kind::Text => json!({ "type": "string" }),
    };
    let Parameter { name, about, required, .. } = parameter;
    json!({ "name": name, "in": "query", "required": required, "description": about, "schema": schema })
}

/// Shapes that no type of this crate has.
pub(crate) mod shapes {
    use super::{JsonSchema, Schema, SchemaGenerator, Value};
    use schemars::json_schema;

    /// A list of the only database.
    #[derive(JsonSchema)]
    #[schemars(rename = "V1Databases")]
    #[expect(dead_code, reason = "for its schema")]
    pub(crate) struct Databases<T> {
        data: Vec<T>,
        total_count: u64,
    }

    /// `{"message":"pong"}`
    #[derive(JsonSchema)]
    #[schemars(rename = "V1Pong")]
    #[expect(dead_code, reason = "for its schema")]
    pub(crate) struct Pong {
        message: String,
    }

    /// The next page of an answer.
    #[derive(JsonSchema)]
    #[schemars(rename = "NextPage", deny_unknown_fields)]
    #[expect(dead_code, reason = "for its schema")]
    pub(crate) struct NextPage {
        #[schemars(regex(pattern = r"\S"))]
        continuation_token: String,
    }

    /// What has a default in a document is taken for given by makers of clients.
    fn without_default(schema: &mut Schema) {
        schema.remove("default");
    }

    /// Many questions, each in either language.
    #[derive(JsonSchema)]
    #[schemars(rename = "Batch", deny_unknown_fields)]
    #[expect(dead_code, reason = "for its schema")]
    pub(crate) struct Batch {
        #[schemars(length(min = 1, max = 50))]
        queries: Vec<Value>,
        /// Whether each is computed anew, also where its answer is kept.
        #[schemars(default, transform = without_default)]
        fresh: bool,
    }

    /// What each question of a batch gets alone.
    #[derive(JsonSchema)]
    #[schemars(rename = "BatchResults")]
    #[expect(dead_code, reason = "for its schema")]
    pub(crate) struct Results {
        results: Vec<Item>,
    }

    /// One of them.
    #[derive(JsonSchema)]
    #[schemars(rename = "BatchItem")]
    #[expect(dead_code, reason = "for its schema")]
    struct Item {
        status: u16,
        /// In seconds, where it has to be asked again later.
        #[schemars(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        body: Value,
    }

    /// A refusal in the words of Metabase, where it is JSON.
    pub(crate) struct V1Refusal;

    impl JsonSchema for V1Refusal {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "V1Refusal".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A refusal in the words of Metabase, where it is JSON: with \
                                `errors` what is wrong with the form of a body or parameter.",
                "type": "object",
                "properties": {
                    "error": { "type": "string" },
                    "message": { "type": "string" },
                    "code": { "type": "string" },
                    "type": { "type": "string" },
                    "title": { "type": "string" },
                    "status": { "type": "integer" },
                    "detail": { "type": "string" },
                    "instance": { "type": "string" },
                    "errors": {
                        "type": "object",
                        "additionalProperties": { "type": "string" },
                    },
                    "specific-errors": {
                        "type": "object",
                        "additionalProperties": { "type": "array", "items": { "type": "string" } },
                    },
                    "problems": {
                        "type": "array",
                        "items": { "$ref": "#/components/schemas/Problem" },
                    },
                },
            })
        }
    }

    /// The document itself.
    pub(crate) struct Document;

    impl JsonSchema for Document {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Document".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "object", "required": ["openapi", "paths"] })
        }
    }
}
