#!/usr/bin/env bash
# Fuzzes every Fuzz function for FUZZTIME each (default 10s): go test takes only one at a time.
#
#   FUZZTIME=1m scripts/fuzz.sh [PACKAGE-DIR…]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ $# -gt 0 ]] || set -- agent cleanup cmd gil handler internal pybridge
found=0
while IFS=: read -r file func; do
  found=$((found + 1))
  name=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$func")
  echo "fuzz: $name in $(dirname "$file")"
  go test -run '^$' -fuzz "^$name\$" -fuzzminimizetime 10x -fuzztime "${FUZZTIME:-10s}" "./$(dirname "$file")" </dev/null
done < <(grep -rE --include='*_test.go' '^func Fuzz' "$@" || true)
echo "fuzz: $found targets"
