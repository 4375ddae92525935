#!/usr/bin/env bash
# Prints the interpreter that the tests run with: GOPYRPC_PYTHON where that is set, else the first
# of python3 on PATH and the system's python3 that has every module named as an argument.
# Exits 1, silently, if there is none.
#
#   scripts/python.sh [--most] [MODULE…]
#
# --most    rather one that lacks modules, the last ones first, than none: what is set up, demonstrated and tested with
set -euo pipefail

if [[ ${1:-} == --most ]]; then
  modules=("${@:2}")
  while ! "${BASH_SOURCE[0]}" "${modules[@]}"; do
    [[ ${#modules[@]} -gt 0 ]] || exit 1
    unset 'modules[-1]'
  done
  exit
fi

# Asks for the modules without importing them: importing torch takes a second.
probe='
import sys, importlib.util
sys.exit(sys.version_info < (3, 9) or not all(map(importlib.util.find_spec, sys.argv[1:])))'

has() {
  "$1" -I -c "$probe" "${@:2}" 2>/dev/null
}

if [[ -n ${GOPYRPC_PYTHON:-} ]]; then
  has "$GOPYRPC_PYTHON" "$@" || exit 1
  echo "$GOPYRPC_PYTHON"
  exit
fi

# `command -v` twice: the second search is what the system has when PATH leads elsewhere.
for python in "$(PATH=/usr/local/bin:/usr/bin command -v python3 || true)" "$(command -v python3 || true)"; do
  if [[ -n $python ]] && has "$python" "$@"; then
    echo "$python"
    exit
  fi
done
exit 1
