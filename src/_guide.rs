//! Guides, one for each subject: the files of `docs/`.
//!
//! Start with [`layer`] for a service, with [`from_python`] when you come from the Python SDK.

/// Declares a guide as a module. The links between guides are to files, as GitHub reads them; here, where the first
/// definition of a link counts, they are to modules.
macro_rules! guides {
    ($($name:ident = $file:literal),+ $(,)?) => {$(
        #[doc = "[answers.md]: answers"]
        #[doc = "[browsers.md]: browsers"]
        #[doc = "[caching.md]: caching"]
        #[doc = "[configuration.md]: configuration"]
        #[doc = "[defaults.md]: defaults"]
        #[doc = "[frameworks.md]: frameworks"]
        #[doc = "[from-autogpt.md]: from_autogpt"]
        #[doc = "[grpc.md]: grpc"]
        #[doc = "[handlers.md]: handlers"]
        #[doc = "[impersonation.md]: impersonation"]
        #[doc = "[issuers.md]: issuers"]
        #[doc = "[joining.md]: joining"]
        #[doc = "[layer.md]: layer"]
        #[doc = "[local-center.md]: local_center"]
        #[doc = "[mcp.md]: mcp"]
        #[doc = "[observability.md]: observability"]
        #[doc = "[openapi.md]: openapi"]
        #[doc = "[metrics.md]: metrics"]
        #[doc = "[outbound.md]: outbound"]
        #[doc = "[peers.md]: peers"]
        #[doc = "[proxies.md]: proxies"]
        #[doc = "[readiness.md]: readiness"]
        #[doc = "[registry.md]: registry"]
        #[doc = "[revocation.md]: revocation"]
        #[doc = "[scale.md]: scale"]
        #[doc = "[services.md]: services"]
        #[doc = "[tenants.md]: tenants"]
        #[doc = "[test-your-service.md]: test_your_service"]
        #[doc = "[tokens.md]: tokens"]
        #[doc = "[troubleshooting.md]: troubleshooting"]
        #[doc = "[usage.md]: usage"]
        #[doc = "[versions.md]: versions"]
        #[doc = "[webhooks.md]: webhooks"]
        #[doc = ""]
        #[doc = include_str!(concat!("../docs/", $file))]
        pub mod $name {}
    )+};
}

guides! {
    layer = "layer.md",
    proxies = "proxies.md",
    browsers = "browsers.md",
    handlers = "handlers.md",
    answers = "answers.md",
    grpc = "grpc.md",
    openapi = "openapi.md",
    mcp = "mcp.md",
    tokens = "tokens.md",
    issuers = "issuers.md",
    revocation = "revocation.md",
    caching = "caching.md",
    scale = "scale.md",
    metrics = "metrics.md",
    webhooks = "webhooks.md",
    impersonation = "impersonation.md",
    tenants = "tenants.md",
    services = "services.md",
    joining = "joining.md",
    frameworks = "frameworks.md",
    usage = "usage.md",
    observability = "observability.md",
    registry = "registry.md",
    outbound = "outbound.md",
    readiness = "readiness.md",
    test_your_service = "test-your-service.md",
    local_center = "local-center.md",
    troubleshooting = "troubleshooting.md",
    configuration = "configuration.md",
    security = "security.md",
    defaults = "defaults.md",
    performance = "performance.md",
    peers = "peers.md",
    from_python = "from-python.md",
    from_autogpt = "from-autogpt.md",
    versions = "versions.md",
}

/// The code in both README files, compiled as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../README.zh-CN.md")]
pub struct ReadmeDoctests;
