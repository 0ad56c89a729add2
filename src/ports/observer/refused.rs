use crate::types::credential_seen::CredentialSeen;
use crate::types::error::ErrorKind;
use crate::types::labels::labels;

/// A request that was answered with an error of this crate.
///
/// Errors that a handler converts into an answer of its own are none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The kind of the error, which decides on the status.
    pub kind: ErrorKind,
    /// Who refused it.
    pub by: RefusedBy,
    /// What stood where a credential may stand.
    pub seen: CredentialSeen,
    /// The permission, role or group that the caller lacks, as the program has it.
    pub needed: Option<String>,
}

impl Refused {
    /// Returns the status that errors of this kind are answered with; a responder of your own may choose another.
    pub fn status(&self) -> u16 {
        self.kind.status().as_u16()
    }
}

labels! {
    /// Who refused a request.
    pub enum RefusedBy {
        /// The layer, before any handler.
        Layer = "layer",
        /// An extractor, a guard or a handler below it.
        Handler = "handler",
    }
}
