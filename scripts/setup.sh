#!/usr/bin/env bash
# Makes sure that what gopyrpc is built and run with is there: Go, a C compiler, make, and a CPython from 3.9
# with its shared library, its headers and numpy. The script installs what is missing with apt, where it
# may, and says elsewhere what to install. When nothing is missing the script changes nothing.
#
#   scripts/setup.sh [--with-torch | --without-torch] [--with-lint] [--with-trees]
#
# --with-torch    torch too (some 200 MB; the tests that compare with torch want it).
#                 GOPYRPC_SETUP_TORCH=1 is the same, and 0 overrules the flag.
# --with-lint     shellcheck and pip too, for `make check`, and what virtual environments need, for `make newcomer`
# --with-trees    debootstrap too, with which scripts/tree.sh makes other Debian systems for `make matrix`; on amd64
#                 also a cross compiler and qemu's user mode, for the Debian system of arm64
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

torch=false lint=false trees=false
for arg in "$@"; do
  case $arg in
    --with-torch) torch=true ;;
    --without-torch) torch=false ;;
    --with-lint) lint=true ;;
    --with-trees) trees=true ;;
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit
      ;;
    *) fail "unknown argument $arg (see --help)" ;;
  esac
done
case ${GOPYRPC_SETUP_TORCH:-} in
  1) torch=true ;;
  0) torch=false ;;
esac

[[ $(uname -s) == Linux ]] ||
  fail "this is $(uname -s): gopyrpc runs on Linux (amd64, arm64). In a Debian container this script does the rest."

has() { command -v "$1" >/dev/null; }

# at_least A B says whether version A ≥ version B.
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# --- what is missing -----------------------------------------------------------------------

missing=() # Debian packages

need_tool() { # command, package…
  has "$1" || missing+=("${@:2}")
}

# The program exits 0 if there are Python.h and a shared library, the interpreter's own or the distribution's for its version.
embeddable='
import ctypes.util, os, sys, sysconfig
var = sysconfig.get_config_var
minor = "python3.%d" % sys.version_info[1]
shared = var("Py_ENABLE_SHARED") or ctypes.util.find_library(minor) or os.path.exists(
    os.path.join(var("LIBDIR") or "", var("MULTIARCH") or "", "lib" + minor + ".so.1.0"))
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(not (sys.version_info >= (3, 9) and shared and os.path.exists(header)))'

# GOPYRPC_PYTHON does not count here: apt cannot mend an interpreter that the user chose.
system_python() { env -u GOPYRPC_PYTHON scripts/python.sh "$@"; }

need_python() {
  local python
  if ! python=$(system_python) || ! "$python" -I -c "$embeddable" 2>/dev/null; then
    missing+=(python3 libpython3-dev)
  fi
  system_python numpy >/dev/null || missing+=(python3-numpy)
  if $torch && ! system_python numpy torch >/dev/null; then missing+=(python3-torch); fi
}

need_tool gcc gcc libc6-dev
need_tool make make
if $lint; then need_tool shellcheck shellcheck; fi
if $lint && ! system_python pip >/dev/null; then missing+=(python3-pip); fi
if $lint && ! system_python ensurepip venv >/dev/null; then missing+=(python3-venv); fi
if $trees; then PATH=$PATH:/usr/sbin:/sbin need_tool debootstrap debootstrap debian-archive-keyring; fi
if $trees && [[ $(uname -m) == x86_64 ]]; then
  need_tool qemu-aarch64-static qemu-user-static
  need_tool aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
fi
need_python

# --- Go: from its own download, since distributions are often behind -------------------------

want_go=$(awk '$1 == "go" { print $2 }' go.mod)

# From 1.21 on, go itself fetches the version that go.mod names, unless GOTOOLCHAIN=local.
go_serves() {
  has go && at_least "$(go env GOVERSION 2>/dev/null | sed 's/^go//')" "$want_go"
}

apt_go() { apt-cache policy golang-go 2>/dev/null | sed -n 's/^ *Candidate: *\(2:\)\{0,1\}\([0-9.]*\).*/\2/p'; }

advise_go() {
  if has go; then
    fail "$(go version 2>/dev/null || echo 'this go') is older than $want_go, which go.mod asks for." \
      "Install Go $want_go or newer from go.dev/dl, or let go fetch it (from 1.21 on): go env -w GOTOOLCHAIN=auto"
  fi
  fail "Go $want_go or newer is needed and there is no go on PATH." \
    "Install it from go.dev/dl and put its bin directory on PATH."
}

if ! go_serves; then
  candidate=$(apt_go || true)
  if ! has go && [[ -n $candidate ]] && at_least "$candidate" 1.21; then
    missing+=(golang-go)
  else
    advise_go
  fi
fi

# --- install ------------------------------------------------------------------------------

install() {
  has apt-get || fail "missing, by their Debian names: ${missing[*]}" \
    "This system has no apt-get: install their counterparts (compiler, make, python3 with shared library, headers and numpy)."
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0)
  if [[ $(id -u) != 0 ]]; then
    if ! { has sudo && sudo -n true 2>/dev/null; }; then
      fail "missing: ${missing[*]}" "Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    apt=(sudo -n "${apt[@]}")
  fi
  echo "setup: installing ${missing[*]}"
  "${apt[@]}" update -qq || echo "setup: apt-get update failed; trying with the lists there are" >&2
  drop_unavailable
  [[ ${#missing[@]} == 0 ]] ||
    "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" </dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

# Drops torch where the distribution has no package of it: some tests are skipped then, and nothing else changes.
drop_unavailable() {
  local kept=() package
  for package in "${missing[@]}"; do
    if [[ $package == python3-torch ]] && ! apt-cache show python3-torch >/dev/null 2>&1; then
      echo "setup: this distribution has no python3-torch; the tests that need torch will be skipped" >&2
    else
      kept+=("$package")
    fi
  done
  missing=("${kept[@]}")
}

if [[ ${#missing[@]} -gt 0 ]]; then
  install
  go_serves || advise_go
fi
python=$(scripts/python.sh --most numpy torch) ||
  fail "GOPYRPC_PYTHON (${GOPYRPC_PYTHON:-not set}) or python3 is no usable Python from 3.9."
has_torch=$("$python" -I -c 'import importlib.util as u; print("with" if u.find_spec("torch") else "without")')
echo "setup: ready ($(go env GOVERSION), $("$python" -V) $has_torch torch, $python)"
