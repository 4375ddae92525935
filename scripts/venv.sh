#!/usr/bin/env bash
# Makes a virtual environment with packages of PyPI, or leaves one alone that has been made with the very same.
#
#   scripts/venv.sh [--system-site-packages] DIR PACKAGE…
#
# It is of the interpreter that scripts/python.sh chooses among those that can make one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

flags=()
if [[ $1 == --system-site-packages ]]; then
  flags+=("$1")
  shift
fi
dir=$1
python=$(scripts/python.sh ensurepip venv) || {
  echo "venv: no Python here can make a virtual environment: Debian has that in python3-venv (scripts/setup.sh --with-lint)" >&2
  exit 1
}
made="$python ${flags[*]} ${*:2}"
[[ ! -f $dir/made || $(cat "$dir/made") != "$made" ]] || exit 0
rm -rf "$dir"
"$python" -m venv "${flags[@]}" "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"
echo "$made" >"$dir/made"
