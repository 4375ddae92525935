#!/usr/bin/env bash
# Builds the command gopyrpc with the Python package's shared library in it, which `gopyrpc run` gives to programs.
# The variables of go build apply, such as GOARCH and CC.
#
#   scripts/build.sh [OUTPUT]      (default: bin/gopyrpc)
set -euo pipefail
output=$(realpath -m "${1:-bin/gopyrpc}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$PWD/.cache/carry/$(go env GOOS)-$(go env GOARCH)
carry=$PWD/cmd/gopyrpc/carry
mkdir -p "$dir"
go build -trimpath -ldflags='-s -w' -buildmode=c-shared -o "$dir/libgopyrpc.so" ./cmd/libgopyrpc
sha256sum "$dir/libgopyrpc.so" | cut -c 1-64 >"$dir/libgopyrpc.sha256"
# The overlay stands for files in the command's folder, which stays as it is.
cat >"$dir/overlay.json" <<JSON
{"Replace": {"$carry/libgopyrpc.so": "$dir/libgopyrpc.so", "$carry/libgopyrpc.sha256": "$dir/libgopyrpc.sha256"}}
JSON
go build -trimpath -overlay "$dir/overlay.json" -tags carried -o "$output" ./cmd/gopyrpc
