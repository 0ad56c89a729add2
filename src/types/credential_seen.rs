use super::labels::labels;

labels! {
    /// What stood where the credential of a refused request may stand. Never the credential itself.
    pub enum CredentialSeen {
        /// Not known: the refusal was made outside a request.
        Unknown = "unknown",
        /// Nothing.
        Nothing = "none",
        /// A token after `Bearer`, also a malformed one.
        Bearer = "bearer",
        /// An access key after `Bearer`.
        AccessKey = "access_key",
        /// `Authorization: Basic`.
        Basic = "basic",
        /// `Authorization: Digest`.
        Digest = "digest",
        /// `Authorization: Negotiate`, or `NTLM`.
        Negotiate = "negotiate",
        /// `Authorization: Token`, or `PrivateToken`.
        Token = "token",
        /// `Authorization: ApiKey`, `Api-Key` or `Key`.
        ApiKey = "api_key",
        /// Another scheme in `Authorization`.
        OtherScheme = "other_scheme",
        /// A value without a scheme in `Authorization`, such as a token alone, or an empty one.
        NoScheme = "no_scheme",
        /// More than one `Authorization`.
        Several = "several",
        /// A cookie that the layer reads.
        Cookie = "cookie",
        /// Another header that the layer reads.
        Header = "header",
        /// A query parameter that the layer reads.
        Query = "query",
        /// `bearer` among the protocols of a WebSocket.
        WebSocketProtocol = "websocket_protocol",
    }
}
