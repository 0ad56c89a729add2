#!/usr/bin/env bash
# redis-server 7.0 (Debian 12: 7.0.15): at `maxmemory` with `noeviction`, commands that only read work, but not within MULTI: each of them is refused
# with OOM when it is queued, and EXEC is aborted. (Redis refuses to queue anything, since a queue takes memory, too.)
#
# Seen:
#   GET: 1
#   MULTI, GET, EXEC: OK / OOM command not allowed when used memory > 'maxmemory'. / EXECABORT Transaction discarded because of previous errors.
#   pipelined GET, XLEN: 1 / 0
#
# Why it matters here: a replica that checks by a transaction of reads whether it missed an invalidation fails just while Redis is full,
# and would reconnect for ever. `upstream/cluster/redis_bus/observe.rs` asks in a pipeline, in an order that needs no transaction.
# Needs redis-server and redis-cli (Debian: redis-server, redis-tools).
set -euo pipefail
PATH="$PATH:/usr/sbin"
room="$(mktemp -d)"
redis-server --port 0 --unixsocket "$room/s" --save '' --daemonize yes --pidfile "$room/pid" --dir "$room" >"$room/log"
trap 'kill "$(cat "$room/pid")"; rm -rf "$room"' EXIT
cli() { redis-cli -s "$room/s" "$@"; }
for _ in $(seq 100); do cli PING >"$room/pong" 2>&1 && break; sleep 0.1; done
lines() { paste -sd'|' | sed 's/|/ \/ /g'; }
cli SET a 1 >"$room/set"
cli CONFIG SET maxmemory 1 >"$room/set"
one="GET: $(cli GET a)"
transaction="MULTI, GET, EXEC: $(printf 'MULTI\nGET a\nEXEC\n' | cli 2>&1 | sed 's/^(error) //;/^$/d' | lines)"
pipelined="pipelined GET, XLEN: $(printf 'GET a\nXLEN none\n' | cli | lines)"
printf '%s\n' "$one" "$transaction" "$pipelined"
[[ "$one" == "GET: 1" && "$pipelined" == "pipelined GET, XLEN: 1 / 0" ]]
[[ "$transaction" == "MULTI, GET, EXEC: OK / OOM "*" / EXECABORT "* ]]
