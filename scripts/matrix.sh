#!/usr/bin/env bash
# Runs the tests that enter Python against every CPython on this machine, and against the CPythons of other Debian systems
# (scripts/tree.sh). All run the same binaries, which are compiled once, here, and load libpython at run time. The script
# prints a table with a row for each interpreter. It exits 1 if a cell says FAIL, or if there is no interpreter.
#
#   TREES="sid trixie" scripts/matrix.sh [COLUMN…]
#
# A column is a package, whose tests run; or python, the tests of the Python package; demo, the demonstration; pair,
# two pairs of processes that call each other (scripts/pair.sh). The default is all columns.
# TREES names the other systems. The default is none.
#
# Logs are in .cache/matrix/. The table with versions is .cache/matrix/table.tsv, of which scripts/supported makes the
# table of docs/supported.md. GOPYRPC_TEST_PYTHONS names further interpreters.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

columns=("$@")
[[ $# -gt 0 ]] || columns=(internal/cpython gil pybridge handler agent/pyworker python demo pair)
out=$PWD/.cache/matrix
table=$out/table.tsv
rm -rf "$out"
mkdir -p "$out"
system=here # or the tree that a row is of

is_package() { [[ $1 == */* || -d $1 ]]; }
binary() { echo "$out/${1//\//-}.test"; }

build() {
  local column
  for column in "${columns[@]}"; do
    if is_package "$column"; then go test -c -o "$(binary "$column")" "./$column"; fi
  done
  go build -o "$out/list" ./internal/interpreters/list
  scripts/build.sh "$out/gopyrpc"
}

# Runs a command on the row's system.
on_system() {
  if [[ $system == here ]]; then "$@"; else scripts/tree.sh run "$system" "$@"; fi
}

# Runs a column with the interpreter in GOPYRPC_PYTHON.
run_column() { # column
  case $1 in
    python) on_system "$GOPYRPC_PYTHON" -B -m unittest discover -s python/gopyrpc_tests -t python ;;
    demo) on_system "$out/gopyrpc" demo ;;
    pair) on_system scripts/pair.sh "$out/gopyrpc" ;;
    *)
      # shellcheck disable=SC2016 # that shell expands it
      on_system sh -c 'cd "$1" && exec "$2" -test.v -test.timeout=20m' sh "$1" "$(binary "$1")"
      ;;
  esac
}

# Says whether a log that tells of no failure tells of no test and no call either: such a run did not test the interpreter.
tested_nothing() { # log
  ! grep -qE '^(--- PASS|Ran [1-9]|  references still owned: 0|called the agent)' "$1"
}

# Says whether a tree, which has a compiler and headers of every version, did not compare our prototypes with them.
prototypes_unseen() { # column log
  [[ $system != here && $1 == internal/cpython ]] || return 1
  ! grep -q "^ *--- PASS: TestPrototypesAreThoseOfPythonH/$minor-" "$2" || return 1
  echo "matrix: the prototypes were not compared with the Python.h of $minor" >>"$2"
}

# Prints a log without the tests that passed: the last lines of a log are rarely about the test that failed.
what_failed() { # log
  grep -vE '^[[:space:]]*(=== (RUN|PAUSE|CONT|NAME)|--- (PASS|SKIP))' "$1"
}

# Prints in few lines, for a reader who has only the end of the output, which tests failed. For a process that died it prints
# which test ran, what the process died of, and which functions were being called.
in_short() { # log; sed reads it to the end, where head would have grep die of SIGPIPE
  local death='^(fatal error|panic|runtime: |SIG[A-Z]+|unexpected fault|Fatal Python error|\*\*\* )'
  grep -E '^[[:space:]]*--- FAIL' "$1" | sed -n '1,4p' || true # a test that died may have no such line
  if grep -qE "$death" "$1"; then
    grep -E '^=== (RUN|CONT|NAME)' "$1" | tail -n 1
    grep -vE '^([[:space:]]|===|$)' "$1" | grep -E -A 14 "$death" | sed -n '1,15p'
  else
    grep -E -A 3 'Error Trace|_test\.go:[0-9]+:|^(FAIL|ERROR): ' "$1" | sed -n '1,12p'
  fi | cut -c 1-140
}

cell() { # column log → ok, FAIL or skip
  if is_package "$1" && [[ ! -x $(binary "$1") ]]; then
    echo skip # the package has no tests
  elif ! (run_column "$1") >"$2" 2>&1 </dev/null || prototypes_unseen "$1" "$2"; then
    echo FAIL
  elif tested_nothing "$2"; then
    echo skip
  else
    echo ok
  fi
}

# The program prints the versions of the row's interpreter, torch, numpy and glibc, a line each. A module that it cannot import
# is "-".
versions='
import importlib, os, platform, sys
print(platform.python_version())
for name in "torch", "numpy":
    try:
        print(importlib.import_module(name).__version__)
    except ImportError:
        print("-")
print(os.confstr("CS_GNU_LIBC_VERSION").split()[1])'

# Prints whose an interpreter is: a distribution's, by name and release, or another builder's.
origin() { # executable
  if [[ $system != here ]]; then
    echo "Debian $system" # sid calls itself by the name of the next release
    return
  fi
  case $1 in
    */.pyenv/*) echo pyenv ;;
    "$PWD/.cache/"*) echo standalone ;;
    /usr/bin/*)
      # shellcheck disable=SC2016 # that shell expands it
      sh -c '. /etc/os-release && echo "${NAME%% *} ${VERSION_CODENAME:-$VERSION_ID}"'
      ;;
    *) echo other ;;
  esac
}

failed=() notes=() rows=0
run_row() { # version executable
  local minor=$1 exe=$2 column result log cells=() of said
  rows=$((rows + 1))
  export GOPYRPC_PYTHON=$exe
  of=$(origin "$exe")
  mapfile -t said < <(on_system "$exe" -W ignore -c "$versions" 2>/dev/null)
  printf '%-7s  %-15s  %-14s' "${said[0]}" "$of" "${said[1]}"
  for column in "${columns[@]}"; do
    log=$out/$rows-$system-$minor-${column//\//-}.log
    result=$(cell "$column" "$log")
    printf '  %-*s' "${#column}" "$result"
    cells+=("$result")
    [[ $result != FAIL ]] || failed+=("$log")
  done
  printf '  %s\n' "$exe"
  (
    IFS=$'\t'
    echo "$minor"$'\t'"$of"$'\t'"${said[*]}"$'\t'"${cells[*]}" >>"$table"
  )
}

# Runs the rows of a system. A tree sees this repository, whose interpreters are not the tree's.
run_system() {
  local version exe before=$rows
  on_system "$out/list" >"$out/pythons-$system" || true
  while IFS=$'\t' read -r version exe _ <&3; do
    [[ $system != here && $exe == "$PWD"/* ]] || run_row "$version" "$exe"
  done 3<"$out/pythons-$system"
  if [[ $rows == "$before" ]]; then missing "no interpreter of $system can be run with"; fi
}

# Notes that something to test with is missing. In CI that is a failure, as the machine is set up to have it.
missing() {
  notes+=("$1")
  [[ ${CI:-} != true ]] || failed+=("$1")
}

# Makes a tree, or notes why there is none. A mirror of Debian that does not answer is no failure of this project.
make_tree() { # tree
  local status=0
  scripts/tree.sh make "$1" || status=$?
  case $status in
    0) notes+=("$(scripts/tree.sh about "$1")") ;;
    3) missing "$1 was not run: it cannot be made here (see above)" ;;
    4) notes+=("$1 was not run: Debian's mirror did not answer") ;;
    *) failed+=("$1 was not run: it could not be made (see above)") ;;
  esac
  return "$status"
}

print_header() {
  printf '%-7s  %-15s  %-14s' PYTHON OF TORCH
  printf '  %s' "${columns[@]}"
  printf '  %s\n' INTERPRETER
  (
    IFS=$'\t'
    echo $'minor\tof\tpython\ttorch\tnumpy\tglibc\t'"${columns[*]}" >"$table"
  )
}

scripts/embed-python.sh >/dev/null || missing "Python 3.14 could not be had from the Go module proxy"
build
print_header
run_system
grep -q $'\t/usr/bin/' "$out/pythons-here" || missing "the distribution's own Python was not run"
for tree in ${TREES:-}; do
  if make_tree "$tree"; then
    system=$tree
    run_system
  fi
done

for note in "${notes[@]}"; do echo "matrix: $note"; done
if [[ $rows == 0 ]]; then
  echo "matrix: no interpreter to run with" >&2
  exit 1
fi
logs=()
for what in "${failed[@]}"; do
  if [[ -f $what ]]; then logs+=("$what"); else echo "matrix: FAIL: $what"; fi
done
for log in "${logs[@]}"; do
  printf '\nmatrix: FAIL: %s, without what passed:\n' "${log#"$PWD/"}"
  what_failed "$log" | tail -n 200
done
for log in "${logs[@]}"; do
  printf '\nmatrix: FAIL: %s, in short:\n' "${log#"$PWD/"}"
  in_short "$log"
done
[[ ${#failed[@]} == 0 ]]
