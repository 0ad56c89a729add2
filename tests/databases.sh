# Sourced by tests/run.sh: a PostgreSQL, a PgBouncer in front of it, and a MariaDB of the suite's own, for tests/it/sql/.
# Each has its data in a directory that is removed with it, a free port of 127.0.0.1, and no protection against a crash of
# the machine. Both databases are at +08:00, so that what should be in UTC, or should not, differs; MariaDB
# is not strict, since others are not.
#
#   databases_begin DIRECTORY   starts them in the background, and exports their URLs
#   databases_begin DIRECTORY postgres   starts PostgreSQL alone
#   databases_wait              waits until all answer
#   databases_end               stops them, and removes their data
#
# shellcheck shell=bash

databases=
databases_starting=

databases_begin() {
  local base=$1 left ports server
  shift
  [ $# -gt 0 ] || set -- postgres pgbouncer mysql
  # What a run that was killed has left behind.
  for left in "$base"/databases.* "${TMPDIR:-/tmp}"/aigc-auth-databases.*; do
    # Not another user's, whose processes one cannot see the end of.
    [ -d "$left" ] && [ -O "$left" ] || continue
    if [ "${left##*.}" = $$ ] || ! kill -0 "${left##*.}" 2>/dev/null; then databases_stop "$left"; fi
  done
  databases="$base/databases.$$"
  # As root, the servers run as users of their own, who cannot enter every directory.
  if [ "$(id -u)" = 0 ] && ! { databases_as postgres test -x "$base" && databases_as mysql test -x "$base"; }; then
    databases="${TMPDIR:-/tmp}/aigc-auth-databases.$$"
  fi
  mkdir "$databases"
  ports=$(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(it.getsockname()[1] for it in free))')
  read -r databases_postgres_port databases_pgbouncer_port databases_mysql_port <<<"$ports"
  databases_password="it's-secret-$RANDOM$RANDOM"
  # As PostgreSQL keeps it, of one round in place of the 4096 that each of a test's connections would take some 50 ms for.
  databases_verifier=$(python3 -c '
import base64, hashlib, hmac, os, sys
salt = os.urandom(16)
salted = hashlib.pbkdf2_hmac("sha256", sys.argv[1].encode(), salt, 1)
stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
text = [base64.b64encode(part).decode() for part in (salt, stored, hmac.digest(salted, b"Server Key", "sha256"))]
print("SCRAM-SHA-256$1:{}${}:{}".format(*text))' "$databases_password")
  export AIGC_AUTH_TEST_POSTGRES="postgres://suite:${databases_password//\'/%27}@127.0.0.1:$databases_postgres_port/postgres"
  export AIGC_AUTH_TEST_PGBOUNCER="postgres://suite:${databases_password//\'/%27}@127.0.0.1:$databases_pgbouncer_port/postgres"
  export AIGC_AUTH_TEST_MYSQL="mysql://suite:${databases_password//\'/%27}@127.0.0.1:$databases_mysql_port/suite"
  # One after the other: there is cargo to share the processors with.
  { for server; do "databases_$server" || exit 1; done; } >"$databases/log" 2>&1 </dev/null &
  databases_starting=$!
  echo "$databases_starting" >"$databases/starting"
}

databases_wait() {
  wait "$databases_starting" && return
  cat "$databases/log" "$databases"/*.log >&2
  return 1
}

databases_end() {
  [ -n "$databases" ] || return 0
  wait "$databases_starting" || true
  databases_stop "$databases"
  databases=
}

# As the user, where that is possible: all refuse to run as root.
databases_as() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

databases_own() {
  mkdir "$2"
  if [ "$(id -u)" = 0 ]; then chown "$1" "$2"; fi
}

# Where Debian keeps PostgreSQL's programs, the newest first, or else the search path.
databases_postgres_program() {
  local newest
  newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -V | tail -n 1)
  if [ -x "$newest" ]; then echo "$newest"; else command -v "$1"; fi
}

databases_postgres() (
  cd "$databases"
  databases_own postgres "$databases/postgres"
  printf '%s\n' "$databases_verifier" >postgres.password
  chmod 644 postgres.password
  databases_as postgres "$(databases_postgres_program initdb)" --pgdata="$databases/postgres/data" --no-sync \
    --username=suite --pwfile="$databases/postgres.password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
  # Not by an option of the server, which no session could look up.
  databases_as postgres sh -c "printf '%s = Asia/Shanghai\n' timezone log_timezone >>'$databases/postgres/data/postgresql.conf'"
  databases_as postgres "$(databases_postgres_program pg_ctl)" start --wait --timeout=60 --silent \
    --pgdata="$databases/postgres/data" --log="$databases/postgres/log" --options="-p $databases_postgres_port \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c shared_buffers=32MB \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off" ||
    { cat "$databases/postgres/log"; return 1; }
)

# In transaction mode, which the sessions of clients do not survive, with nothing that makes it lenient.
databases_pgbouncer() (
  cd "$databases"
  databases_own postgres "$databases/pgbouncer"
  PATH="$PATH:/usr/sbin"
  cat >pgbouncer/ini <<INI
[databases]
* = host=127.0.0.1 port=$databases_postgres_port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $databases_pgbouncer_port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $databases/pgbouncer/users
pool_mode = transaction
default_pool_size = 4
max_client_conn = 300
logfile = $databases/pgbouncer/log
pidfile = $databases/pgbouncer/pid
INI
  # The same one, so that PgBouncer can hand on what a client proves.
  printf '"suite" "%s"\n' "$databases_verifier" >pgbouncer/users
  databases_as postgres pgbouncer --quiet --daemon "$databases/pgbouncer/ini" || { cat pgbouncer/log; return 1; }
)

databases_mysql() (
  cd "$databases"
  databases_own mysql "$databases/mysql"
  PATH="$PATH:/usr/sbin"
  local options=(--no-defaults --datadir="$databases/mysql/data")
  if [ "$(id -u)" = 0 ]; then options+=(--user=mysql); fi
  mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db
  cat >mysql.sql <<SQL
CREATE DATABASE suite CHARACTER SET utf8mb4;
CREATE USER suite@'127.0.0.1' IDENTIFIED BY '${databases_password//\'/\'\'}';
CREATE USER suite@localhost IDENTIFIED BY '${databases_password//\'/\'\'}';
GRANT ALL ON *.* TO suite@'127.0.0.1';
GRANT ALL ON *.* TO suite@localhost;
SQL
  chmod 644 mysql.sql
  # The socket's name is within the data directory: paths of sockets are short.
  setsid mariadbd "${options[@]}" --port="$databases_mysql_port" --bind-address=127.0.0.1 --socket=socket --pid-file=pid \
    --init-file="$databases/mysql.sql" --max-connections=300 --innodb-buffer-pool-size=64M --innodb-doublewrite=0 \
    --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --skip-log-bin --default-time-zone=+08:00 --sql-mode= >mysql.log 2>&1 &
  local left
  for ((left = 300; left > 0; left--)); do
    if mariadb-admin --no-defaults --host=127.0.0.1 --port="$databases_mysql_port" --user=suite \
      --password="$databases_password" --connect-timeout=2 ping 2>/dev/null; then return 0; fi
    kill -0 $! || break
    sleep 0.2
  done
  cat mysql.log
  return 1
)

# Whether a process is a server of this directory, which the arguments of each name.
databases_is_of() {
  if [ -d /proc/self ]; then tr '\0' ' ' <"/proc/$2/cmdline"; else ps -ww -o args= -p "$2"; fi 2>/dev/null | grep -qF "$1/"
}

# The data is thrown away, and so need not be left in order.
databases_stop() {
  local directory=$1 file process left
  # Half of a server could not be found again.
  process=$(cat "$directory/starting" 2>/dev/null) || process=
  for ((left = 600; left > 0; left--)); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
  for file in "$directory"/pgbouncer/pid "$directory"/postgres/data/postmaster.pid "$directory"/mysql/data/pid; do
    process=$(head -n 1 "$file" 2>/dev/null) || continue
    # After a restart of the machine, another process may have its number.
    databases_is_of "$directory" "$process" || continue
    kill -QUIT "$process" 2>/dev/null || true
    for ((left = 50; left > 0; left--)); do
      kill -0 "$process" 2>/dev/null || break
      # MariaDB takes SIGQUIT for an orderly end.
      [ "$left" = 30 ] && kill -KILL "$process" 2>/dev/null
      sleep 0.1
    done
  done
  rm -rf "$directory"
}
