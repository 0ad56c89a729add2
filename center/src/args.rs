use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use aigc_auth::testing::Dialect;
use clap::Parser;

/// An auth center on the developer's machine: the protocol, a log-in for front ends, and a console.
///
/// Without --seed it has the users alice, bob and root, with secrets that are new with each start. It is for development:
/// whoever reaches its log-in is whom they click.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// The port of the protocol and the log-in; 0 for a free one
    #[arg(long, default_value_t = 8600)]
    pub(crate) port: u16,

    /// The port of the console; 0 for a free one [default: the next port]
    #[arg(long)]
    console_port: Option<u16>,

    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) bind: IpAddr,

    /// Allow --bind with an address that others on the network reach
    #[arg(long)]
    insecure_bind: bool,

    /// The URL by which services and browsers reach the port [default: the address listened on]
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// A TOML or JSON file with apps, users, groups, tokens and access keys; for a new state file, or without one
    #[arg(long)]
    pub(crate) seed: Option<PathBuf>,

    /// An SQLite file that keeps the state, made if it is not there; in memory without it
    #[arg(long)]
    pub(crate) state: Option<PathBuf>,

    /// The version of the reference client whose center it is: 1.1.53, 1.1.54, 1.1.59 or one between
    #[arg(long, default_value = "1.1.62", value_parser = parse_dialect)]
    pub(crate) dialect: Dialect,

    /// How long access tokens of the log-in are valid, in seconds
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    access_token_ttl: u32,
}

impl Args {
    pub(crate) fn console_port(&self) -> u16 {
        // After the last one, and after a free one, a free one.
        let next = if self.port == 0 { 0 } else { self.port.wrapping_add(1) };
        self.console_port.unwrap_or(next)
    }

    pub(crate) fn access_token_ttl(&self) -> Duration {
        Duration::from_secs(self.access_token_ttl.into())
    }

    /// Rejects an address that others reach, unless that is wanted.
    pub(crate) fn check_bind(&self) -> Result<(), String> {
        if self.bind.to_canonical().is_loopback() || self.insecure_bind {
            return Ok(());
        }
        Err(format!(
            "{} is no loopback address: whoever reaches it logs in as anybody; add --insecure-bind if that is meant",
            self.bind
        ))
    }
}

/// Returns the dialect of a version of the reference client.
pub(crate) fn parse_dialect(text: &str) -> Result<Dialect, String> {
    match text {
        "1.1.53" => Ok(Dialect::V1_1_53),
        "1.1.54" | "1.1.55" | "1.1.56" | "1.1.57" | "1.1.58" => Ok(Dialect::V1_1_54),
        "1.1.59" | "1.1.60" | "1.1.61" | "1.1.62" => Ok(Dialect::V1_1_59),
        _ => Err("expected 1.1.53 to 1.1.62".to_owned()),
    }
}

/// The name of a dialect: the first version that speaks it.
pub(crate) fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V1_1_53 => "1.1.53",
        Dialect::V1_1_54 => "1.1.54",
        _ => "1.1.59",
    }
}
