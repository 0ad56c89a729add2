# Sourced by scripts that are run by bash: which of their parts to run. `fail` is the script's own.
#
#   parts_of NAME... -- ARGUMENT...   sets `parts` to what the arguments name, or to all where there are none
#
# shellcheck shell=bash

parts_of() {
  local all=() part
  while [ "$1" != -- ]; do all+=("$1") && shift; done
  shift
  parts=("$@")
  [ $# -gt 0 ] || parts=("${all[@]}")
  for part in "${parts[@]}"; do
    case " ${all[*]} " in
      *" $part "*) ;;
      *) fail "no part $part; there are: ${all[*]}" ;;
    esac
  done
}
