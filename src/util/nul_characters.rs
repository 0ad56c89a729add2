//! Find NUL characters, which some databases reject and others take for the end of a text.

use serde_json::Value;

/// Whether a text, or a name in an object, has a NUL character.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}
