# Sourced by scripts that are run by bash: which of their parts to run. `$script` is the script's own name.
#
#   parts_of NAME... -- ARGUMENT...   sets `parts` to what the arguments name, or to all where there are none
#
# shellcheck shell=bash

parts_of() {
  local all=() part known
  while [ "$1" != -- ]; do all+=("$1") && shift; done
  shift
  parts=("$@")
  [ $# -gt 0 ] || parts=("${all[@]}")
  for part in "${parts[@]}"; do
    for known in "${all[@]}" ''; do [ "$part" != "$known" ] || break; done
    if [ -z "$known" ]; then
      # shellcheck disable=SC2154 # Of the script.
      printf '%s: no part %s; there are: %s\n' "$script" "$part" "${all[*]}" >&2
      exit 1
    fi
  done
}
