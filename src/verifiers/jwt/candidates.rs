//! Find the sources of keys that may have signed a token.

use std::collections::BTreeSet;

use super::error::{Reason, Rejection, invalid_token};
use super::source::Source;
use super::token::Token;
use super::verifier::Inner;
use crate::types::claims::{list, shown};

impl Inner {
    /// Returns the sources that may have signed a token, with their places: those of its issuer, else those that take any
    /// issuer; and of these the ones with keys for its algorithm.
    pub(super) fn candidates(&self, token: &Token<'_>) -> Result<Vec<(&Source, usize)>, Rejection> {
        let issuer = token.unverified_issuer();
        let all = || self.sources.iter().enumerate().map(|(place, source)| (source, place));
        let is_its = |(source, _): &(&Source, usize)| source.is_of(issuer) == Some(true);
        let mut sources: Vec<_> = all().filter(is_its).collect();
        if sources.is_empty() {
            sources = all().filter(|(source, _)| source.is_of(None).is_none()).collect();
        }
        if sources.is_empty() {
            let found = issuer.map_or("none".to_owned(), shown);
            let of_all = self.sources.iter().filter_map(|source| source.validation.issuers.as_ref());
            let expected: BTreeSet<_> = of_all.flatten().map(String::as_str).collect();
            let expected = list(expected.into_iter());
            let detail = format!(
                "the token is of an issuer (`iss`) that no source of keys is for: expected {expected}, found {found}"
            );
            return Err(invalid_token(Reason::Issuer, detail));
        }
        sources.retain(|(source, _)| source.may_support(token.algorithm));
        if sources.is_empty() {
            let (algorithm, found) = (token.algorithm, issuer.map_or("none".to_owned(), shown));
            let is_other = |source: &Source| source.is_of(issuer).is_none() && source.may_support(algorithm);
            let advice = match self.sources.iter().any(is_other) {
                true => {
                    "; a source without `issuer` takes it, and is only asked where no other is for the issuer: set `issuer` \
                     there, too"
                }
                false => "",
            };
            let detail = format!(
                "the JWT is signed with {algorithm}, which no source of keys for its issuer (`iss`: {found}) takes{advice}"
            );
            return Err(invalid_token(Reason::Algorithm, detail));
        }
        Ok(sources)
    }
}
