# Sourced by scripts that are run by bash: runs steps, and says in the end how long each took.
#
#   step COMMAND...   prints the command, and runs it
#   steps_table       prints seconds by the clock and of processors for each step so far, and of the script
#   apart COMMAND...  runs it as a group of processes of its own, in a way that a signal is heard at once
#   apart_end         ends what runs so
#
# Of a subshell in the background as well; `beside` is then a mark before its steps.
#
# shellcheck shell=bash

steps_rows="$(mktemp)"
beside=

# Sets `steps_used` to the milliseconds of processors that this shell's children have used, of those that it has waited for.
steps_use() {
  local user system times="$steps_rows.$RANDOM"
  # Not in a pipe: there it would be another shell's.
  times >"$times"
  { read -r _ && read -r user system; } <"$times"
  rm -f "$times"
  steps_used=$(($(steps_ms "$user") + $(steps_ms "$system")))
}

# Of `1m02.345s`, or `1m02,345s` by the locale.
steps_ms() {
  local minutes=${1%m*} seconds=${1#*m}
  seconds=${seconds//[.,s]/}
  echo $((minutes * 60000 + 10#$seconds))
}

step() {
  local began=$SECONDS used code=0 what="$*"
  what="${what#apart }"
  printf '\n== %s\n' "$what"
  steps_use
  used=$steps_used
  "$@" || code=$?
  steps_use
  printf '%s\t%s\t%s\t%s\n' $((SECONDS - began)) $((steps_used - used)) "$code" "$beside$what" >>"$steps_rows"
  return "$code"
}

steps_table() {
  local clock used code what
  printf '\n   seconds  of processors\n'
  while IFS=$'\t' read -r clock used code what; do
    [ "$code" = 0 ] || what="FAILED ($code): $what"
    printf '%10d %11d.%d  %s\n' "$clock" $((used / 1000)) $((used % 1000 / 100)) "${what:0:100}"
  done <"$steps_rows"
  printf '%10d                in all\n' "$SECONDS"
  rm -f "$steps_rows"
}

# Ctrl-C does not reach what `timeout` runs, which is a group of its own, and bash hears no signal before a program in the foreground has
# ended. While it waits it does.
steps_apart=
apart() {
  local code=0
  set -m
  "$@" </dev/null &
  steps_apart=$!
  set +m
  wait "$steps_apart" || code=$?
  steps_apart=
  return "$code"
}

apart_end() {
  [ -n "$steps_apart" ] || return 0
  kill -- "-$steps_apart" 2>/dev/null || true
  wait "$steps_apart" || true
  steps_apart=
}
