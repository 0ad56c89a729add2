#!/usr/bin/env bash
# sqlx 0.9.0 (crates.io), PostgreSQL behind PgBouncer in transaction mode: after one client has sent LISTEN, a query of any other
# client that is handed the same session fails when a notification comes before its end, although it was done. The protocol lets
# a server send notifications at any time; sqlx takes them on connections of `PgListener` alone, and PgBouncer keeps the LISTEN
# with its session. psql goes on, and shows the notification.
#
# Seen, with PostgreSQL 15 and PgBouncer 1.18 of Debian 12, for an INSERT that notifies, by a client that has never sent LISTEN:
#   encountered unexpected or invalid data: execute: unexpected message: NotificationResponse (…)
#   rows: 1
#
# Why it matters here: `PostgresBus` finds out whether it has a session of its own before it sends LISTEN, not by what it hears
# afterwards: a LISTEN that got into a pool would have queries of the service fail.
# Needs cargo, and postgresql and pgbouncer of Debian.
set -euo pipefail
room="$(mktemp -d)"
chmod 755 "$room"
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
bin=$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
trap 'as kill -INT "$(cat "$room/own/pooler.pid")" || true; as "$bin/pg_ctl" stop --silent --mode=immediate --pgdata="$room/own/data" || true
      rm -rf "$room"' EXIT
PATH="$PATH:/usr/sbin"
mkdir "$room/own"
if [ "$(id -u)" = 0 ]; then chown postgres "$room/own"; fi
cd "$room/own"
read -r port pooler <<<"$(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(it.getsockname()[1] for it in free))')"
as "$bin/initdb" --pgdata=data --username=suite --auth=trust --no-sync >log
as "$bin/pg_ctl" start --wait --silent --pgdata=data --log=server.log \
  --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
cat >"$room/ini" <<INI
[databases]
* = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooler
unix_socket_dir =
auth_type = trust
auth_file = $room/users
pool_mode = transaction
# What sqlx sends at the start.
ignore_startup_parameters = extra_float_digits
logfile = $room/own/pooler.log
pidfile = $room/own/pooler.pid
INI
echo '"suite" ""' >"$room/users"
as pgbouncer --quiet --daemon "$room/ini"
mkdir -p "$room/try/src"
cat >"$room/try/Cargo.toml" <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "1", features = ["macros", "rt", "net", "time"] }
TOML
cat >"$room/try/src/main.rs" <<'RUST'
use sqlx::{Connection, PgConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let mut listener = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS t (i int); LISTEN news").execute(&mut listener).await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let insert = "WITH sent AS (SELECT pg_notify('news', '1')) INSERT INTO t SELECT 1 FROM sent";
    let error = sqlx::query(insert).persistent(false).execute(&mut other).await.unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("unexpected message: NotificationResponse"), "this has changed");
}
RUST
url="postgres://suite@127.0.0.1:$pooler/postgres?sslmode=disable"
cargo run --quiet --manifest-path "$room/try/Cargo.toml" --target-dir "$room/target" -- "$url"
rows=$("$bin/psql" --no-psqlrc -At "postgres://suite@127.0.0.1:$port/postgres" --command='SELECT count(*) FROM t')
echo "rows: $rows"
[ "$rows" = 1 ] || { echo "this has changed" >&2; exit 1; }
"$bin/psql" --no-psqlrc "$url" --command="SELECT 'done' FROM pg_notify('news', '2')" | tee "$room/psql"
grep -q done "$room/psql" && grep -q 'notification "news"' "$room/psql" || { echo "this has changed" >&2; exit 1; }
