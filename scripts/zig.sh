#!/usr/bin/env bash
# Prints the command of zig, whose C compiler compiles for systems that are not this one. PyPI has it (ziglang); it is kept
# in .cache/zig. Where it cannot be had, this says why and exits with 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.17.1
dir=$PWD/.cache/zig
zig=$dir/$version/ziglang/zig

fail() {
  printf 'zig: %s\n' "$1" >&2
  exit 1
}

if [[ ! -x $zig ]]; then
  python=$(scripts/python.sh pip) || fail "no Python here has pip, by which zig is installed"
  rm -rf "$dir"
  mkdir -p "$dir/new"
  PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --no-deps --disable-pip-version-check --target "$dir/new" "ziglang==$version" ||
    fail "zig $version cannot be had from PyPI"
  mv "$dir/new" "$dir/$version"
fi
echo "$zig"
