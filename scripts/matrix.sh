#!/usr/bin/env bash
# Runs the tests of the packages that enter Python against every CPython on this machine, with the
# same test binaries: they are compiled once, and libpython is loaded at run time. Prints a table
# of version × package; exits 1 if a cell says FAIL, or if there was nothing to run with.
#
#   scripts/matrix.sh [PACKAGE…]      (default: gil pybridge handler agent/pyworker)
#
# Logs are in .cache/matrix/. PYRPC_TEST_PYTHONS names further interpreters.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=("$@")
[[ $# -gt 0 ]] || packages=(gil pybridge handler agent/pyworker)
out=$PWD/.cache/matrix
rm -rf "$out"
mkdir -p "$out"

binary() { echo "$out/${1//\//-}.test"; }

# Runs a column's tests with the interpreter in PYRPC_PYTHON.
run_column() { # column
  if [[ $1 == python ]]; then
    "$PYRPC_PYTHON" -B -m unittest discover -s handler/pytests -t handler
  else
    cd "$1" && "$(binary "$1")" -test.v -test.timeout=8m
  fi
}

# A binary that passes without having passed a single test did not test this interpreter.
tested_nothing() { # log
  ! grep -qE '^(--- PASS|Ran [1-9])' "$1"
}

# The last lines of a log are rarely those of the test that failed.
what_failed() { # log
  grep -vE '^[[:space:]]*(=== (RUN|PAUSE|CONT|NAME)|--- (PASS|SKIP))' "$1"
}

# In few lines, for whoever sees only the end of the output: which tests failed, or which one ran when
# the process died, of what, and the functions that were being called.
in_short() { # log; sed reads it to the end, where head would have grep die of SIGPIPE
  local death='^(fatal error|panic|runtime: |SIG[A-Z]+|unexpected fault|Fatal Python error|\*\*\* )'
  grep -E '^[[:space:]]*--- FAIL' "$1" | sed -n '1,4p' || true # who died may have no such line
  if grep -qE "$death" "$1"; then
    grep -E '^=== (RUN|CONT|NAME)' "$1" | tail -n 1
    grep -vE '^([[:space:]]|===|$)' "$1" | grep -E -A 14 "$death" | sed -n '1,15p'
  else
    grep -E -A 3 'Error Trace|_test\.go:[0-9]+:|^(FAIL|ERROR): ' "$1" | sed -n '1,12p'
  fi | cut -c 1-140
}

cell() { # column log → ok, FAIL or skip
  if [[ $1 != python && ! -x $(binary "$1") ]]; then
    echo skip # the package has no tests
  elif ! (run_column "$1") >"$2" 2>&1 </dev/null; then
    echo FAIL
  elif tested_nothing "$2"; then
    echo skip
  else
    echo ok
  fi
}

scripts/embed-python.sh >/dev/null || {
  echo "matrix: could not get Python 3.14" >&2
  [[ ${CI:-} != true ]] || exit 1
}
for package in "${packages[@]}"; do
  go test -c -o "$(binary "$package")" "./$package"
done
columns=("${packages[@]}")
[[ $# -gt 0 ]] || columns+=(python)

go run ./internal/testpython/list >"$out/pythons"

failed=()
printf '%-8s' VERSION
printf '  %s' "${columns[@]}"
printf '  %s\n' INTERPRETER
row=0
while IFS=$'\t' read -r version exe _; do
  row=$((row + 1))
  export PYRPC_PYTHON=$exe
  printf '%-8s' "$version"
  for column in "${columns[@]}"; do
    log=$out/$row-$version-${column//\//-}.log
    result=$(cell "$column" "$log")
    printf '  %-*s' "${#column}" "$result"
    [[ $result != FAIL ]] || failed+=("$log")
  done
  printf '  %s\n' "$exe"
done <"$out/pythons"

if [[ $row == 0 ]]; then
  echo "matrix: no interpreter to run with" >&2
  exit 1
fi
for log in "${failed[@]}"; do
  printf '\nmatrix: FAIL: %s, without what passed:\n' "${log#"$PWD/"}"
  what_failed "$log" | tail -n 200
done
for log in "${failed[@]}"; do
  printf '\nmatrix: FAIL: %s, in short:\n' "${log#"$PWD/"}"
  in_short "$log"
done
[[ ${#failed[@]} == 0 ]]
