use crate::verifiers::jwt::builder::JwtVerifierBuilder;

impl JwtVerifierBuilder {
    /// Rejects tokens whose subject starts with this, such as `service:`: they are no user's. Calls add up. Defaults to none.
    ///
    /// For users whose issuer signs the tokens of [services](crate::service) by the same keys. Their audience keeps both apart,
    /// and this does as well, whatever audience a token has. The claim with the user's id is checked, and `sub`.
    ///
    /// ```
    /// use aigc_auth::jwt::JwtVerifier;
    ///
    /// let users = JwtVerifier::from_issuer("https://login.example.com")
    ///     .audience("web")
    ///     .reject_subject_prefix("service:")
    ///     .build()?;
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn reject_subject_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.validation.rejected_prefixes.push(prefix.into());
        self
    }
}
