//! Which fields are there, for `Debug` of types with personal data.

/// Returns the names of the fields that are there.
pub(crate) fn present<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
}
