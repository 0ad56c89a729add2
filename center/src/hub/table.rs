use serde_json::Value;

/// A table of the state, whole, as it is stored and as the console gets it.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<(String, Value)>,
}
