#!/usr/bin/env bash
# Prints the interpreter that the tests run with: GOPYRPC_PYTHON where that is set, else the system's python3 or
# python3 on PATH, the first that has every module named as an argument. The script exits 1, silently, if there is none.
#
#   scripts/python.sh [--most] [MODULE…]
#
# --most    take an interpreter that lacks modules, the last ones first, rather than none. Set-up, demo and tests use this
set -euo pipefail

if [[ ${1:-} == --most ]]; then
  modules=("${@:2}")
  while ! "${BASH_SOURCE[0]}" "${modules[@]}"; do
    [[ ${#modules[@]} -gt 0 ]] || exit 1
    unset 'modules[-1]'
  done
  exit
fi

# The program finds the modules without importing them: an import of torch takes 1 s.
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

# The first search is for the system's python3, where PATH leads elsewhere; the second is along PATH.
for python in "$(PATH=/usr/local/bin:/usr/bin command -v python3 || true)" "$(command -v python3 || true)"; do
  if [[ -n $python ]] && has "$python" "$@"; then
    echo "$python"
    exit
  fi
done
exit 1
