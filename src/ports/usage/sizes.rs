use serde_json::{Map, Value};

/// Returns how many bytes of text the fields have, and one for each other value.
pub(super) fn size_of_fields(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

pub(super) fn size_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size_of_value).sum(),
        Value::Object(fields) => size_of_fields(fields),
        _ => 1,
    }
}
