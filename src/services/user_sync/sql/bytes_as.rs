/// What is in a column of bytes of an [`SqlStore`](super::SqlStore): see
/// [`SqlStoreBuilder::bytes`](super::SqlStoreBuilder::bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BytesAs {
    /// UTF-8: the same text in JSON. Bytes that are not UTF-8 are an error of the database, or shown by `?` in MySQL.
    Text,
    /// Anything: hexadecimal digits in JSON.
    Hex,
}
