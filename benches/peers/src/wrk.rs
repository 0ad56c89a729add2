//! The load generator `wrk`, of Debian's package of that name.

use std::net::SocketAddr;

use crate::orders::{MEASURING, pinned};

const CONNECTIONS: u32 = 64;

pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
    /// Milliseconds.
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

/// Asks for `/me` by 64 connections of one thread.
pub(crate) fn run(address: SocketAddr, token: &str, seconds: u32) -> Load {
    let output = pinned(MEASURING, "wrk")
        .args(["--threads", "1", "--latency", "--timeout", "10s"])
        .args(["--connections", &CONNECTIONS.to_string(), "--duration", &format!("{seconds}s")])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--header", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)"])
        .args(["--header", "Accept: application/json", "--header", "Accept-Encoding: gzip, deflate, br"])
        .arg(format!("http://{address}/me"))
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let load =
        read(&text).unwrap_or_else(|| panic!("wrk said: {text}{}", String::from_utf8_lossy(&output.stderr)));
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "not all was answered: {text}");
    load
}

fn read(text: &str) -> Option<Load> {
    let after = |start: &str| text.lines().find_map(|line| line.trim().strip_prefix(start)).map(str::trim);
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?;
    let [median, p99] = [after("50%")?, after("99%")?].map(milliseconds);
    Some(Load { requests, per_second: after("Requests/sec:")?.parse().ok()?, median: median?, p99: p99? })
}

fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)];
    units.into_iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let load = read(
            "Running 4s test @ http://127.0.0.1:3000/me\n  1 threads and 64 connections\n  \
             Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.02ms  400.00us   9.00ms   80.00%\n  \
             Latency Distribution\n     50%  635.91us\n     75%    1.10ms\n     90%    1.20ms\n     99%    1.32s \n  \
             49382 requests in 4.00s, 9.00MB read\nRequests/sec:  12345.50\nTransfer/sec:      2.25MB\n",
        )
        .unwrap();
        assert_eq!((load.requests, load.per_second, load.p99), (49_382.0, 12_345.5, 1_320.0));
        assert!((load.median - 0.63591).abs() < 1e-9);
        assert!(read("unable to connect to 127.0.0.1:1 Connection refused").is_none());
    }
}
