use redis::{Client, IntoConnectionInfo, ProtocolVersion};
use url::Url;

use crate::types::error::BuildError;

/// Where one Redis is, and how to sign in there. Has no `Debug`: a URL may have a password.
#[derive(Clone)]
pub(crate) struct RedisAddress(redis::ConnectionInfo);

impl RedisAddress {
    /// Parses `redis://`, `rediss://` (TLS), `unix://` and their `valkey` names, as the crate redis does.
    pub(crate) fn parse(url: &str) -> Result<Self, BuildError> {
        let refused = |why: &str| {
            BuildError::new(format!(
                "invalid URL of Redis: {why}, such as `redis://:password@127.0.0.1:6379/0`"
            ))
        };
        let parsed = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
        match parsed.scheme() {
            "redis" | "valkey" | "unix" | "redis+unix" | "valkey+unix" => {}
            "rediss" | "valkeys" => install_crypto_provider(),
            scheme if scheme.contains("sentinel") => {
                return Err(refused(
                    "Sentinel is not supported, whose addresses change hands; expected that of a proxy or a service that \
                     follows the master",
                ));
            }
            scheme if scheme.contains("cluster") => {
                return Err(refused(
                    "Redis Cluster is not supported, whose nodes tell of their own keys only; expected one server",
                ));
            }
            _ => return Err(refused("expected the scheme `redis`, `rediss` or `unix`")),
        }
        if parsed.host_str().is_some_and(|host| host.contains(',')) {
            return Err(refused(
                "several hosts, as of Sentinel or Redis Cluster, are not supported; expected one",
            ));
        }
        // Its errors do not repeat the URL.
        let info = parsed.into_connection_info().map_err(|error| refused(&error.to_string()))?;
        Ok(Self(info))
    }

    pub(super) fn client(&self, protocol: ProtocolVersion) -> redis::RedisResult<Client> {
        // Redis before 7.2 refuses the name of the library, which fills its log.
        let settings = self.0.redis_settings().clone().set_protocol(protocol).set_skip_set_lib_name();
        Client::open(self.0.clone().set_redis_settings(settings))
    }
}

/// The crate redis takes the provider of the process, and panics where there is none, or where rustls could choose of two.
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails if another thread was quicker, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_one_server_are_accepted_and_others_refused_with_the_reason() {
        for (url, reason) in [
            ("redis://127.0.0.1", None),
            ("redis://user:p%40ss@redis.example.com:6380/2", None),
            ("rediss://redis.example.com", None),
            ("valkey://127.0.0.1", None),
            ("unix:///run/redis.sock", None),
            ("redis-sentinel://a:26379/mymaster", Some("Sentinel is not supported")),
            ("redis+sentinel://a:26379/mymaster", Some("Sentinel is not supported")),
            ("redis-cluster://a:6379", Some("Redis Cluster is not supported")),
            ("redis://a,b", Some("several hosts")),
            ("http://127.0.0.1", Some("expected the scheme")),
            ("redis://127.0.0.1/x", Some("Invalid database number")),
            ("127.0.0.1", Some("invalid URL of Redis")),
            ("redis://:secret@", Some("invalid URL of Redis")),
        ] {
            let error = RedisAddress::parse(url).err().map(|error| error.to_string());
            match (&error, reason) {
                (None, None) => {}
                (Some(error), Some(reason)) => assert!(error.contains(reason), "{url}: {error}"),
                _ => panic!("{url}: {error:?}"),
            }
            assert!(!error.unwrap_or_default().contains("secret"), "{url}");
        }
    }
}
