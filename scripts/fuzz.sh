#!/usr/bin/env bash
# Fuzzes every Fuzz function for FUZZTIME each (default 10s), one after the other, as go test takes only one at a time.
#
#   FUZZTIME=1m scripts/fuzz.sh [PACKAGE-DIR…]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ $# -gt 0 ]] || set -- agent cleanup cmd gil handler internal pybridge
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# When the time is up, the fuzzing engine's context ends a moment before the context of its workers. An engine that looks in
# between takes the end for a failure. Such a failure has no input, no hung worker, and no line of a test.
time_was_up() {
  grep -qx '    context deadline exceeded' "$log" && ! grep -qE 'Failing input|hung or terminated|_test\.go:' "$log"
}

found=0
while IFS=: read -r file func; do
  found=$((found + 1))
  name=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$func")
  echo "fuzz: $name in $(dirname "$file")"
  go test -run '^$' -fuzz "^$name\$" -fuzzminimizetime 10x -fuzztime "${FUZZTIME:-10s}" "./$(dirname "$file")" </dev/null 2>&1 |
    tee "$log" || time_was_up
done < <(grep -rE --include='*_test.go' '^func Fuzz' "$@" || true)
echo "fuzz: $found targets"
