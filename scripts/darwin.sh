#!/usr/bin/env bash
# Checks on Linux that gopyrpc builds for macOS: go vet of everything, every library, and the command as a C archive. A
# program cannot be linked without Apple's frameworks. The C compiler is zig (scripts/zig.sh). Where zig cannot be had the
# script skips the check; in CI (CI=true) the script fails.
#
#   scripts/darwin.sh [GOARCH…]        (default: arm64 amd64)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

zig=$(scripts/zig.sh) || {
  echo "darwin: skipped" >&2
  [[ ${CI:-} != true ]] || exit 1
  exit 0
}
dir=$PWD/.cache/zig
export ZIG_GLOBAL_CACHE_DIR=$dir/cache ZIG_LOCAL_CACHE_DIR=$dir/cache

[[ $# -gt 0 ]] || set -- arm64 amd64
for goarch in "$@"; do
  case $goarch in
    arm64) target=aarch64-macos ;;
    amd64) target=x86_64-macos ;;
    *)
      echo "darwin: there is no macOS for $goarch" >&2
      exit 2
      ;;
  esac
  export CGO_ENABLED=1 GOOS=darwin GOARCH=$goarch CC="$zig cc -target $target"
  go vet ./...
  go list -f '{{if and (ne .Name "main") (or .GoFiles .CgoFiles)}}{{.ImportPath}}{{end}}' ./... | xargs go build
  go build -buildmode=c-archive -o "$dir/$goarch/gopyrpc.a" ./cmd/gopyrpc
  echo "darwin: $goarch builds"
done
