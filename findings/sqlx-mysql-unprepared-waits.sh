#!/usr/bin/env bash
# sqlx 0.9.0 (crates.io), MySQL over TCP: a query with `.persistent(false)`, or any with `statement-cache-capacity=0`, makes
# the next one on its connection wait 40 ms. sqlx closes the statement by a packet that has no answer, and writes the next
# query after it; it never sets TCP_NODELAY, and so Nagle's algorithm keeps that query back until the server's delayed
# acknowledgement. The same queries over the server's Unix socket do not wait.
#
# Seen, with MariaDB 10.11 of Debian 12, for one query of 50 in a row:
#   kept 0.0 ms, not kept 43.1 ms, not kept over the Unix socket 0.0 ms
#
# Why it matters here: with MySQL, `SqlStore` lets sqlx keep its statements, unlike with PostgreSQL.
# Needs cargo, and mariadb-server 10.11 of Debian.
set -euo pipefail
room="$(mktemp -d)"
server=
trap '[ -z "$server" ] || { kill -TERM "$server"; wait "$server"; } || true; rm -rf "$room"' EXIT
PATH="$PATH:/usr/sbin"
options=(--no-defaults --datadir="$room/data")
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$room"
  install --directory --owner=mysql "$room/data"
  options+=(--user=mysql)
fi
mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db >"$room/log" 2>&1
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
echo "CREATE DATABASE suite;
GRANT ALL ON suite.* TO suite@'127.0.0.1' IDENTIFIED BY 'secret';
GRANT ALL ON suite.* TO suite@localhost IDENTIFIED BY 'secret';" >"$room/init.sql"
chmod 644 "$room/init.sql"
mariadbd "${options[@]}" --port="$port" --bind-address=127.0.0.1 --socket="$room/data/s" --init-file="$room/init.sql" \
  --skip-log-bin >>"$room/log" 2>&1 &
server=$!
for _ in $(seq 150); do
  mariadb-admin --no-defaults --host=127.0.0.1 --port="$port" --user=suite --password=secret ping >/dev/null 2>&1 && break
  sleep 0.2
done
mkdir -p "$room/try/src"
cat >"$room/try/Cargo.toml" <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["mysql", "runtime-tokio"] }
tokio = { version = "1", features = ["macros", "rt", "net", "time"] }
TOML
cat >"$room/try/src/main.rs" <<'RUST'
use std::time::Instant;

use sqlx::{Connection, MySqlConnection};

async fn milliseconds(url: &str, persistent: bool) -> f64 {
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    let start = Instant::now();
    for _ in 0..50 {
        sqlx::query("SELECT ?").bind(1).persistent(persistent).execute(&mut connection).await.unwrap();
    }
    start.elapsed().as_secs_f64() * 1_000.0 / 50.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (tcp, unix) = (arguments.next().unwrap(), arguments.next().unwrap());
    let seen = [milliseconds(&tcp, true).await, milliseconds(&tcp, false).await, milliseconds(&unix, false).await];
    println!("kept {:.1} ms, not kept {:.1} ms, not kept over the Unix socket {:.1} ms", seen[0], seen[1], seen[2]);
    assert!(seen[0] < 15.0 && seen[1] > 30.0 && seen[2] < 15.0, "this has changed");
}
RUST
cargo run --quiet --release --manifest-path "$room/try/Cargo.toml" --target-dir "$room/target" -- \
  "mysql://suite:secret@127.0.0.1:$port/suite?ssl-mode=DISABLED" \
  "mysql://suite:secret@localhost/suite?ssl-mode=DISABLED&socket=$room/data/s"
