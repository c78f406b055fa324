//! A page for trying the routes out in a browser: Swagger UI over `/openapi.json`, all of it from here.
//! It is the same for everybody and holds nothing of a model; what it asks, it asks as whoever is
//! typed into it.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Response;

use crate::answer;
use crate::params::{Params, Segments};
use crate::refusal::Refusal;

const PAGE: &[u8] = include_bytes!("index.html");

/// The files beside the page: name, media type and content.
const FILES: [(&str, &str, &[u8]); 3] = [
    ("explorer.js", SCRIPT, include_bytes!("explorer.js")),
    (
        "swagger-ui-bundle.js",
        SCRIPT,
        include_bytes!("../../vendor/swagger-ui/swagger-ui-bundle.js"),
    ),
    (
        "swagger-ui.css",
        "text/css; charset=utf-8",
        include_bytes!("../../vendor/swagger-ui/swagger-ui.css"),
    ),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Nothing from elsewhere is loaded, asked or told, and no other page shows this one.
const ONLY_FROM_HERE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(crate) async fn page(params: Params) -> Result<Response, Refusal> {
    params.none()?;
    Ok(file("text/html; charset=utf-8", PAGE))
}

pub(crate) async fn beside(
    Segments(name): Segments<String>,
    params: Params,
) -> Result<Response, Refusal> {
    params.none()?;
    let known = FILES.iter().find(|(known, _, _)| *known == name);
    let (_, media_type, content) = known.ok_or_else(Refusal::no_route)?;
    Ok(file(media_type, content))
}

fn file(media_type: &'static str, content: &'static [u8]) -> Response {
    let mut response = answer::typed(media_type, content.into());
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, ONLY_FROM_HERE);
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fmt::Write;

    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn what_is_vendored_is_what_was_published() {
        let sums = include_str!("../../vendor/swagger-ui/SHA256SUMS");
        let mut seen = 0;
        for (sum, name) in sums.lines().map(|line| line.split_once("  ").unwrap()) {
            let (.., content) = FILES.iter().find(|(known, ..)| *known == name).unwrap();
            let digest = Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            });
            assert_eq!(digest, sum, "{name}");
            seen += 1;
        }
        assert_eq!(seen, 2);
    }
}
