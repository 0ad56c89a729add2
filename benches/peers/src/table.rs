//! Who is compared, and what each of them checks.

pub(crate) const AXUM_0_8: &str = "axum-0.8";
pub(crate) const AXUM_0_7: &str = "axum-0.7";

/// Somebody who answers for a request, in one way of use.
pub(crate) struct Peer {
    /// The case, for the workers.
    pub(crate) name: &'static str,
    /// For readers; a package's version is added.
    pub(crate) label: &'static str,
    pub(crate) package: Option<&'static str>,
    /// Which worker has the case.
    pub(crate) kind: &'static str,
    pub(crate) checks: &'static str,
    pub(crate) revocation: &'static str,
    pub(crate) place: Place,
}

/// Where a case is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Both,
    /// Around the router, which is measured in the process alone.
    Process,
    /// What differs only where records are sent.
    Loopback,
}

impl Peer {
    pub(crate) fn is_ours(&self) -> bool {
        self.package == Some("aigc-auth")
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.name == BARE
    }

    /// The label with the version that is in the lock file.
    pub(crate) fn title(&self) -> String {
        match self.package {
            Some(package) if !self.is_ours() => self.label.replacen(package, &version(package), 1),
            _ => self.label.to_owned(),
        }
    }
}

/// `package 1.2.3`, of the lock file.
fn version(package: &str) -> String {
    let lines: Vec<&str> = include_str!("../Cargo.lock").lines().collect();
    let name = format!("name = \"{package}\"");
    // Of two versions the older, which comes first: of tower-http the one that axum's own world is at.
    let at = lines.iter().rposition(|line| *line == name).expect("in the lock file");
    let version = lines[at + 1].trim_start_matches("version = ").trim_matches('"');
    format!("{package} {version}")
}

pub(crate) const BARE: &str = "bare";
pub(crate) const OURS: &str = "ours";
pub(crate) const OURS_AROUND: &str = "ours-around";
pub(crate) const OURS_STATS: &str = "ours-stats";
pub(crate) const OURS_STATS_AROUND: &str = "ours-stats-around";
/// As [`OURS_STATS`], but that another thread sends the records.
pub(crate) const OURS_STATS_APART: &str = "ours-stats-apart";

const NONE: &str = "nothing";
const EXPIRY: &str = "none: valid to its end";
const AS_CACHED: &str = "by event at once, else within the TTL";
const LIST: &str = "by a list, where one is set";
const SIGNED: &str = "signature, `exp`, `iss`, `aud`";
const CACHED: &str = "that this very token was verified, by a keyed hash, and is valid still";
const SAME: &str = "the same";

const fn peer(name: &'static str, label: &'static str, package: Option<&'static str>) -> Peer {
    Peer { name, label, package, kind: AXUM_0_8, checks: SIGNED, revocation: EXPIRY, place: Place::Both }
}

const fn ours(
    name: &'static str,
    label: &'static str,
    checks: &'static str,
    revocation: &'static str,
) -> Peer {
    Peer { checks, revocation, ..peer(name, label, Some("aigc-auth")) }
}

pub(crate) const PEERS: [Peer; 24] = [
    Peer { checks: NONE, revocation: "–", ..peer(BARE, "bare router", None) },
    Peer { checks: NONE, revocation: "–", ..peer("from-fn", "axum's `from_fn` that does nothing", None) },
    Peer {
        checks: "one fixed token, the same for all users",
        revocation: "none",
        ..peer("tower-http", "tower-http, `ValidateRequestHeaderLayer`", Some("tower-http"))
    },
    Peer {
        checks: SAME,
        revocation: "none",
        place: Place::Process,
        ..peer("tower-http-around", "tower-http, around the router", Some("tower-http"))
    },
    Peer {
        checks: "the cookie's session in memory, its user and their session hash; no token",
        revocation: "at once: the session is removed",
        ..peer("axum-login", "axum-login, sessions in memory", Some("axum-login"))
    },
    peer("axum-jwt-auth-hs256", "axum-jwt-auth, HS256", Some("axum-jwt-auth")),
    peer("axum-jwt-auth-es256", "axum-jwt-auth, ES256", Some("axum-jwt-auth")),
    peer("tower-oauth2-hs256", "tower-oauth2-resource-server, HS256", Some("tower-oauth2-resource-server")),
    peer("tower-oauth2-rs256", "tower-oauth2-resource-server, RS256", Some("tower-oauth2-resource-server")),
    Peer {
        checks: "signature, `exp`, `aud`; roles",
        ..peer("axum-keycloak-auth-rs256", "axum-keycloak-auth, RS256", Some("axum-keycloak-auth"))
    },
    ours("ours-jwt-hs256", "`AuthLayer` with `JwtVerifier`, HS256, no cache", SIGNED, LIST),
    ours("ours-jwt-es256", "… ES256, no cache", SIGNED, LIST),
    ours("ours-jwt-rs256", "… RS256, no cache", SIGNED, LIST),
    ours("ours-jwt-cached", "… any algorithm, cached", CACHED, LIST),
    ours(OURS, "`AuthLayer` with `AuthClient`, warm", CACHED, AS_CACHED),
    Peer { place: Place::Process, ..ours(OURS_AROUND, "… around the router", SAME, AS_CACHED) },
    ours(OURS_STATS, "… with usage records", SAME, AS_CACHED),
    Peer {
        place: Place::Loopback,
        ..ours(OURS_STATS_APART, "… with usage records, sent by another thread", SAME, AS_CACHED)
    },
    Peer {
        place: Place::Process,
        ..ours(OURS_STATS_AROUND, "… with usage records, around the router", SAME, AS_CACHED)
    },
    ours("ours-user", "… and `CurrentUser` in the handler", SAME, AS_CACHED),
    Peer { kind: AXUM_0_7, checks: NONE, revocation: "–", ..peer(BARE, "bare router of axum 0.7", None) },
    Peer { kind: AXUM_0_7, ..peer("jwt-authorizer-hs256", "jwt-authorizer, HS256", Some("jwt-authorizer")) },
    Peer { kind: AXUM_0_7, ..peer("jwt-authorizer-es256", "jwt-authorizer, ES256", Some("jwt-authorizer")) },
    Peer { kind: AXUM_0_7, ..peer("jwt-authorizer-rs256", "jwt-authorizer, RS256", Some("jwt-authorizer")) },
];
