#!/usr/bin/env bash
# Puts a CPython 3.14 with a shared library into .cache/python3.14, where the tests look for it. That Python comes
# as a Go module, so the Go module proxy is all that the script needs. The script does nothing when the Python is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$PWD/.cache/python3.14
if [[ ! -x $dir/bin/python3 || ! -e $dir/lib/libpython3.14.so.1.0 ]]; then
  (cd scripts/embedpy && go run . -o "$dir" >/dev/null)
fi
echo "$dir/bin/python3"
