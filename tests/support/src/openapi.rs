//! Documents in OpenAPI, against what services answer.

use std::io::Write;
use std::process::{Command, Stdio};

use http::HeaderMap;
use serde_json::{Value, json};

/// A document of a service.
pub struct Document(pub Value);

impl Document {
    /// Every operation, as method, path and what the document says of it.
    pub fn operations(&self) -> Vec<(String, String, &Value)> {
        let items = self.0["paths"].as_object().unwrap().iter();
        let operations = items.flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
        });
        operations.collect()
    }

    /// Where a reference leads, or the value itself.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).expect(reference),
            None => value,
        }
    }

    /// Checks that an answer is one that the document has for this operation, with its headers. Returns its body, and the schema
    /// that it should have, for [`validate`].
    #[track_caller]
    pub fn expects(&self, operation: &Value, status: u16, headers: &HeaderMap, body: &Value) -> Value {
        let id = &operation["operationId"];
        let response = self.resolve(&operation["responses"][status.to_string()]);
        assert!(response.is_object(), "{id}: {status} is not documented");
        let documented: Vec<_> = response["headers"].as_object().into_iter().flatten().collect();
        let is_documented = |name: &str| documented.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        for name in ["www-authenticate", "retry-after"] {
            assert!(
                is_documented(name) || !headers.contains_key(name),
                "{id}: {status} with an undocumented {name}"
            );
        }
        // RFC 9110 wants the one; the other is what we say.
        for (with, name) in [(401, "www-authenticate"), (503, "retry-after")] {
            assert!(
                status != with || (is_documented(name) && headers.contains_key(name)),
                "{id}: {status}, {headers:?}"
            );
        }
        let sent = headers.get("content-type").map(|media| media.to_str().unwrap()).unwrap_or_default();
        let media = sent.split(';').next().unwrap_or_default();
        assert!(
            status < 400 || response["content"].get(media).is_some(),
            "{id}: {status} as {media:?}, and not as in {response}"
        );
        json!({ "schema": response["content"][media].get("schema").unwrap_or(&json!({})), "body": body })
    }
}

/// Checks documents, and answers by the schemas in them: `{"document": …, "answers": [{"schema": …, "body": …}]}`. By
/// openapi-spec-validator; without its Python, where the suite has not installed it, nothing is checked.
#[track_caller]
pub fn validate(documents: &[Value]) {
    let Ok(python) = std::env::var("AIGC_AUTH_OPENAPI_PYTHON") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/validate.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let written = serde_json::to_vec(documents).unwrap();
    child.stdin.take().unwrap().write_all(&written).unwrap();
    let output = child.wait_with_output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && found.trim() == format!("{} valid", documents.len()), "{found}");
}
