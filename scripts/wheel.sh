#!/usr/bin/env bash
# Builds the sdist of the Python package, and of that a wheel for each architecture, into dist/. zig (scripts/zig.sh)
# compiles and links the C for glibc 2.28, which is Debian 10 or RHEL 8; auditwheel says whether that is true.
#
#   scripts/wheel.sh [GOARCH…]        (amd64, arm64; default: this machine's)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

glibc=2.28
fail() {
  printf 'wheel: %s\n' "$1" >&2
  exit 1
}

[[ $# -gt 0 ]] || set -- "$(go env GOHOSTARCH)"
zig=$(scripts/zig.sh)
export ZIG_GLOBAL_CACHE_DIR=$PWD/.cache/zig/cache ZIG_LOCAL_CACHE_DIR=$PWD/.cache/zig/cache
venv=$PWD/.cache/wheel
scripts/venv.sh "$venv" hatchling build auditwheel

# size FILE: as people say it.
size() { numfmt --to=si --suffix=B "$(stat -c %s "$1")"; }

rm -rf dist
"$venv/bin/python" -m build --no-isolation --sdist --outdir dist python >.cache/wheel.log 2>&1 || { cat .cache/wheel.log >&2 && fail "no sdist"; }
sdist=$(echo dist/*.tar.gz)
echo "wheel: $sdist: $(size "$sdist")"

for goarch in "$@"; do
  case $goarch in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) fail "there is no wheel for $goarch" ;;
  esac
  platform=manylinux_${glibc/./_}_$machine
  GOOS=linux GOARCH=$goarch CC="$zig cc -target $machine-linux-gnu.$glibc" GOPYRPC_WHEEL_PLATFORM=$platform \
    "$venv/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist "$sdist"
  wheel=$(echo dist/*-py3-none-"$platform".whl)
  [[ -f $wheel ]] || fail "no wheel of the name …-py3-none-$platform.whl"
  said=$("$venv/bin/python" -m auditwheel show "$wheel" | tr -s ' \n' ' ')
  least=$(sed -nE 's/.*consistent with the following platform tag: "manylinux_([0-9]+_[0-9]+)_'"$machine"'".*/\1/p' <<<"$said")
  [[ -n $least && $(printf '%s\n%s\n' "$least" "${glibc/./_}" | sort -V | tail -n 1) == "${glibc/./_}" ]] || fail "auditwheel: $said"
  echo "wheel: $wheel: $(size "$wheel"), for glibc from ${least/_/.} on"
done
