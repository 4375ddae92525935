#!/usr/bin/env bash
# Runs the tests that enter Python under tools that see errors which tests alone do not see, a mode after the other. The
# script prints a line for each mode, with what ran and what came of it, and exits 1 if a mode failed.
#
#   scripts/sanitize.sh [MODE…]      (default: all; SANITIZE_RUN=PATTERN only tests of that name)
#
#   asan       gcc's address sanitizer over the C code. Python takes its memory from malloc, so that the
#              sanitizer sees that memory too
#   cgocheck2  Go's check of each pointer that is written to memory that C may see
#   pydebug    tokens and the GIL asserted, the makers of leaked references named
#   pymalloc   pydebug, and CPython's debug allocator: writes past the end, use and free by the wrong name
#   pybuild    pydebug, with a CPython that was configured --with-pydebug, whose assertions are on
#
# The race detector is not here: `make test` has it. Logs are in .cache/sanitize/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

modes=("$@")
[[ $# -gt 0 ]] || modes=(asan cgocheck2 pydebug pymalloc pybuild)
packages=(./internal/cpython ./gil ./pybridge ./handler ./agent/pyworker)
limit=10m # for a mode; a quiet machine takes one or two minutes
logs=.cache/sanitize
mkdir -p "$logs"

# Leaks are not looked for. CPython keeps most of what it allocates until the process ends, and tests end processes in the
# middle of a call: a leak of ours would drown in that. The ledger of references tells of our leaks. The crashes that tests
# inject are for our signal handler, not for the sanitizer's.
asan_options=detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:handle_sigill=0:use_sigaltstack=0
# One of our tests asks for 2^62 bytes, and expects NULL.
asan_options+=:allocator_may_return_null=1
# The sanitizer looks for C++'s throw when it starts. If it finds none, it aborts at the first throw, and torch brings
# libstdc++ only later. So libstdc++ is loaded first, before the sanitizer, which is told to accept that order.
asan_options+=:verify_asan_link_order=0

# Skipped are the tests that measure memory, which every mode changes, and the tests of torch's own agent with all orders of
# leaving, which take minutes.
measuring='Allocat|TakeNoMemory|KeepNoMemory|TestLarge$|LiveTorch'

report() { # mode, verdict, what
  printf 'sanitize: %-9s  %-7s  %s\n' "$@"
}

# Prints how many tests passed, failed and were skipped, from the output of go test -v.
count() { # log
  printf '%d passed, %d failed, %d skipped' \
    "$(grep -cE '^--- PASS' "$1")" "$(grep -cE '^--- FAIL' "$1")" "$(grep -cE '^--- SKIP' "$1")"
}

# Runs the tests in a mode, given variables and flags of go test.
run_mode() { # mode, what it is, NAME=VALUE…, --, flag…
  local mode=$1 what=$2 log=$logs/$1.log environment=() started=$SECONDS
  shift 2
  while [[ $1 != -- ]]; do
    environment+=("$1")
    shift
  done
  shift
  if env "${environment[@]}" timeout -k 30 15m \
    go test -v -count 1 -timeout "$limit" -run "${SANITIZE_RUN:-.}" -skip "$measuring" "$@" "${packages[@]}" >"$log" 2>&1 </dev/null &&
    grep -q '^--- PASS' "$log"; then
    report "$mode" ok "$what: $(count "$log"), $((SECONDS - started)) s"
  else
    failed+=("$mode")
    report "$mode" FAILED "$what: $(count "$log"), $((SECONDS - started)) s; see $log"
    grep -E '^ *--- FAIL|^FAIL|ERROR: AddressSanitizer|^Fatal|^panic:|build failed' "$log" | head -n 20 || true
  fi
}

has_asan() {
  local probe
  probe=$(mktemp)
  echo 'int main(void) { return 0; }' | "${CC:-gcc}" -fsanitize=address -x c -o "$probe" - 2>/dev/null
  local status=$?
  rm -f "$probe"
  return $status
}

# Prints the first interpreter that was compiled with CPython's own assertions. Debian calls such interpreters python3.N-dbg.
debug_python() {
  local python
  while read -r python; do
    if "$python" -I -c 'import sys; sys.exit(not hasattr(sys, "gettotalrefcount"))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done < <(
    go run ./internal/interpreters/list | cut -f2
    compgen -c python3. | grep -E '^python3\.[0-9]+-dbg$' | sort -u | while read -r name; do command -v "$name"; done
  )
  return 1
}

failed=()
for mode in "${modes[@]}"; do
  case $mode in
    asan)
      if has_asan; then
        run_mode asan "address sanitizer, PYTHONMALLOC=malloc" "ASAN_OPTIONS=$asan_options" PYTHONMALLOC=malloc -- \
          -asan -tags pydebug -exec "env LD_PRELOAD=$(gcc -print-file-name=libstdc++.so.6)"
      else
        report asan skipped "the C compiler has no address sanitizer (apt install gcc libasan8)"
      fi
      ;;
    cgocheck2) run_mode cgocheck2 "GOEXPERIMENT=cgocheck2" GOEXPERIMENT=cgocheck2 -- ;;
    pydebug) run_mode pydebug "-tags pydebug" PYTHONMALLOC= -- -tags pydebug ;;
    pymalloc) run_mode pymalloc "-tags pydebug, PYTHONMALLOC=debug" PYTHONMALLOC=debug -- -tags pydebug ;;
    pybuild)
      if python=$(debug_python); then
        run_mode pybuild "-tags pydebug, $python" "GOPYRPC_PYTHON=$python" PYTHONMALLOC= -- -tags pydebug
      else
        report pybuild skipped "no CPython here was built --with-pydebug (apt install python3.11-dbg libpython3.11-dbg, or pyenv with --enable-shared; name it in GOPYRPC_TEST_PYTHONS)"
      fi
      ;;
    *)
      echo "sanitize: there is no mode $mode" >&2
      exit 2
      ;;
  esac
done
[[ ${#failed[@]} == 0 ]]
