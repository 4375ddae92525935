#!/usr/bin/env bash
# Runs gopyrpc and its tests on arm64: compiled here, and executed by qemu's user mode in a Debian system of that
# architecture (scripts/tree.sh, scripts/emulate). Prints a table; exits 1 if a cell says FAIL.
#
#   scripts/arm64.sh [CELL…]
#
# Cells are vet, doctor, call, demo, pair, and the packages gil, internal/cpython, pybridge and handler. All cells take ten
# minutes once the tree is made. CI (CI=true) leaves pybridge and handler out, unless they are named. The whole script is skipped
# where the cross compiler, qemu, debootstrap, root or Linux 6.7 is missing, or Debian's mirror does not answer.
#
# Logs are in .cache/arm64/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tree=bookworm-arm64
out=.cache/arm64
cells=("$@")
if [[ $# == 0 ]]; then
  cells=(vet doctor call demo pair gil internal/cpython)
  [[ ${CI:-} == true ]] || cells+=(pybridge handler)
fi

# Tests that cannot pass in qemu's user mode: package, test, reason. The script runs each of them all the same. The cell says
# FAIL when such a test passes or no longer exists: then its line here has to go.
cannot_pass() {
  cat <<'END'
internal/cpython TestStackGrowsToWhatThreadsGet the first thread's stack is as large as it was made at the start
END
}

skip() {
  printf 'arm64: skipped: %s\n' "$1"
  exit 0
}

unset GOPYRPC_PYTHON # names an interpreter of this machine
command -v aarch64-linux-gnu-gcc >/dev/null ||
  skip "there is no aarch64-linux-gnu-gcc here (scripts/setup.sh --with-trees installs it)"
made=0
scripts/tree.sh make "$tree" || made=$?
case $made in
  0) ;;
  3 | 4) skip "$tree is not there, for the reason above" ;;
  *) exit 1 ;;
esac

cross() { env CGO_ENABLED=1 GOOS=linux GOARCH=arm64 CC=aarch64-linux-gnu-gcc "$@"; }
inside() { scripts/tree.sh run "$tree" "$@"; }
binary() { echo "$PWD/$out/${1//\//-}.test"; }

# Tests of a package, in its directory.
test_inside() { # package FLAG…
  # shellcheck disable=SC2016 # that shell expands it
  inside sh -c 'cd "$1" && shift && exec "$@"' sh "$1" "$(binary "$1")" -test.v "${@:2}"
}

# The tests of a package, without those that cannot pass.
run_tests() { # package
  local skipped
  skipped=$(cannot_pass | awk -v p="$1" '$1 == p { printf "%s%s", n++ ? "|" : "", $2 }')
  test_inside "$1" -test.timeout=20m -test.skip="^(${skipped:-none})\$"
}

# The tests of a package that cannot pass.
run_hopeless() { # package
  local package name reason wrong=0
  while read -r package name reason; do
    [[ $package == "$1" ]] || continue
    test_inside "$1" -test.timeout=5m -test.run="^$name\$" >"$out/hopeless.log" 2>&1 </dev/null || true
    if grep -q -- "^--- PASS: $name" "$out/hopeless.log"; then
      echo "--- FAIL: $name passes, although it is listed as one that cannot ($reason)"
      wrong=1
    elif ! grep -q -- "^--- FAIL: $name" "$out/hopeless.log"; then
      echo "--- FAIL: $name is listed as one that cannot pass and did not even fail: is it gone?"
      tail -n 5 "$out/hopeless.log"
      wrong=1
    fi
  done < <(cannot_pass)
  return "$wrong"
}

run_cell() { # cell
  local said
  case $1 in
    vet) cross go vet ./... ;;
    doctor)
      said=$(inside "$PWD/$out/gopyrpc" doctor)
      echo "$said"
      grep -q 'no problems found' <<<"$said" && grep -q 'linux/arm64\|aarch64-linux-gnu' <<<"$said"
      ;;
    call)
      said=$(inside "$PWD/$out/gopyrpc" call self math:hypot 3 4)
      [[ $said == 5.0 ]] || { echo "math:hypot 3 4 was $said"; return 1; }
      [[ $(inside "$PWD/$out/gopyrpc" call self platform:machine) == *aarch64* ]]
      ;;
    demo) inside "$PWD/$out/gopyrpc" demo ;;
    pair) inside scripts/pair.sh "$PWD/$out/gopyrpc" ;;
    *) run_tests "$1" && run_hopeless "$1" ;;
  esac
}

rm -rf "$out"
mkdir -p "$out"
cross scripts/build.sh "$out/gopyrpc"
for cell in "${cells[@]}"; do
  case $cell in
    vet | doctor | call | demo | pair) ;;
    *) cross go test -c -o "$(binary "$cell")" "./$cell" ;;
  esac
done

failed=()
printf '%-18s  RESULT  SECONDS\n' "ARM64"
for cell in "${cells[@]}"; do
  log=$out/${cell//\//-}.log
  began=$SECONDS result=ok
  run_cell "$cell" >"$log" 2>&1 </dev/null || result=FAIL
  printf '%-18s  %-6s  %7d\n' "$cell" "$result" "$((SECONDS - began))"
  [[ $result == ok ]] || failed+=("$log")
done
scripts/tree.sh about "$tree"
for log in "${failed[@]}"; do
  printf '\narm64: FAIL: %s, without what passed:\n' "$log"
  grep -vE '^[[:space:]]*(=== (RUN|PAUSE|CONT|NAME)|--- (PASS|SKIP))' "$log" | tail -n 100 || true
done
[[ ${#failed[@]} == 0 ]]
