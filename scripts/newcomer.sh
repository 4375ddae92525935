#!/usr/bin/env bash
# Walks the road of a newcomer: a fresh virtual environment, pip install, a program of two processes, torchrun, pytest, mypy,
# mp.spawn, and a notebook. Every part runs, whatever became of the ones before. The programs are those of docs/python.md, and
# those in scripts/newcomer.
#
#   scripts/newcomer.sh [PART…]        (default: all)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
programs=$PWD/scripts/newcomer
project=$PWD/python
python=$(scripts/python.sh --most ensurepip venv torch) || {
  echo "newcomer: there is no Python from 3.9 on here" >&2
  exit 1
}
pip=(-m pip install --quiet --disable-pip-version-check)
failed=()

# part NAME COMMAND…: runs a part, in an empty folder. The last line that it writes says more.
part() {
  local log=$work/$1.log folder=$work/$1 begin=$SECONDS
  mkdir "$folder"
  if (cd "$folder" && "${@:2}") >"$log" 2>&1 </dev/null; then
    printf 'newcomer: %-10s %3d s  %s\n' "$1" $((SECONDS - begin)) "$(tail -n 1 "$log")"
  else
    printf 'newcomer: %-10s FAIL: %s\n' "$1" "${*:2}"
    sed 's/^/    /' "$log" | tail -n 60
    failed+=("$1")
  fi
}

# skip NAME WHY
skip() { printf 'newcomer: %-10s skipped: %s\n' "$1" "$2"; }

wanted() { [[ ${#parts[@]} == 0 || " ${parts[*]} " == *" $1 "* ]]; }
parts=("$@")

has_torch() { "$python" -I -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)'; }

# A port of this machine that nobody has now.
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

install() { # VENV FLAG… : a fresh virtual environment, with what is in this clone
  "$python" -m venv "${@:2}" "$1" && "$1/bin/python" "${pip[@]}" "$project" && "$1/bin/python" -m gopyrpc version
}

tools() { "$work/venv/bin/python" "${pip[@]}" pytest mypy jupyter_client ipykernel && echo "pytest, mypy, jupyter_client, ipykernel"; }

# document FILE: writes the program of that name in docs/python.md into the current folder.
document() {
  awk -v fence='```python file='"$1" '$0 == "```" { inside = 0 } inside; $0 == fence { inside = 1 }' "$programs/../../docs/python.md" >"$1"
  [[ -s $1 ]] || { echo "docs/python.md has no $1" >&2 && return 1; }
}

# Two processes, as two terminals.
pair() {
  local port
  document hello.py
  port=$(free_port)
  export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port
  RANK=1 "$work/venv/bin/python" hello.py >second &
  RANK=0 "$work/venv/bin/python" hello.py >first
  wait $!
  [[ $(cat first second) == 5.0 ]] && echo "two processes of python3"
}

run_torchrun() {
  document hello.py
  # Flags with underscores are those of every version. Standard output is torchrun's to redirect and show, as torch 1.13 fails
  # with Python 3.11 where nothing is: its enum's members that are 0 are not found.
  "$work/torch/bin/python" -m torch.distributed.run --nproc_per_node 2 --master_port "$(free_port)" --redirects 1 --tee 1 --log_dir logs \
    hello.py >out
  [[ $(sed 's/^.*://' out) == 5.0 ]] && echo "torchrun of torch $("$python" -c 'import torch; print(torch.__version__)')"
}

run_pytest() { document test_calls.py && "$work/venv/bin/python" -m pytest -q; }

run_mypy() {
  local mypy=("$work/venv/bin/python" -m mypy --cache-dir "$work/mypy")
  document typed.py && document hello.py && document test_calls.py &&
    "${mypy[@]}" --strict typed.py hello.py test_calls.py && "${mypy[@]}" --strict "$programs/typed.py" &&
    MYPYPATH=$project "${mypy[@]}" --strict -p gopyrpc --exclude '/_' --config-file "$programs/stubtest.ini" &&
    "$work/venv/bin/python" "$programs/typed.py"
}

run_stubtest() {
  "$work/venv/bin/python" -m mypy.stubtest gopyrpc --mypy-config-file "$programs/stubtest.ini" --allowlist "$programs/stubtest.allow" \
    --ignore-unused-allowlist
}

spawn() { "$1/bin/python" "$programs/spawn.py"; }

part install install "$work/venv"
part tools tools
if wanted pair; then part pair pair; fi
if wanted import; then part import "$work/venv/bin/python" "$programs/importtime.py"; fi
if wanted pytest; then part pytest run_pytest; fi
if wanted mypy; then part mypy run_mypy; fi
if wanted stubtest; then part stubtest run_stubtest; fi
if wanted spawn; then part spawn spawn "$work/venv"; fi
if wanted kernel; then part kernel "$work/venv/bin/python" "$programs/kernel.py"; fi
if ! has_torch; then
  skip torchrun "$python has no torch"
elif wanted torchrun; then
  part torch install "$work/torch" --system-site-packages
  part torchrun run_torchrun
  part torchspawn spawn "$work/torch"
fi

if [[ ${#failed[@]} -gt 0 ]]; then
  echo "newcomer: FAIL: ${failed[*]}"
  exit 1
fi
echo "newcomer: ok"
