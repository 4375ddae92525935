#!/usr/bin/env bash
# Prints, as shell code, the environment in which github.com/go-python/cpy3 compiles against a CPython
# from 3.9 to 3.13 and links its shared library:
#
#   eval "$(scripts/cpy3env.sh [PYTHON])" && go test -tags cpy3 ./pybridge/cpy3
#
# PYTHON is by default $GOPYRPC_PYTHON, else the system's python3 if its headers are installed, else python3 on
# PATH. Where something is missing, stderr names the package to install, and stdout stays empty.
#
# Every flag is spelt out. Go's build cache does not see what pkg-config answers, and would go on using
# objects that were compiled for another Python. So pkg-config is not needed: PKG_CONFIG=true names a program
# that answers cpy3's "#cgo pkg-config: python3" with nothing. A build with further packages that need
# pkg-config unsets PKG_CONFIG and puts this Python's directory of .pc files first in PKG_CONFIG_PATH.
set -euo pipefail
header=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/pybridge/cpy3/compat.h

fail() {
  printf 'cpy3env: %s\n' "$@" >&2
  exit 1
}

# The program prints a line each: the executable, the library's directory, the library's name, the include directories.
# After an error it prints one line that begins with "!".
ask='
import os, sys, sysconfig as s
var, (major, minor) = s.get_config_var, sys.version_info[:2]
name = "%d.%d" % (major, minor)
def stop(why):
    print("!" + why)
    sys.exit()
if not (3, 9) <= (major, minor) <= (3, 13):
    stop("is CPython %s; cpy3 is made to work on 3.9 to 3.13" % name)
if var("Py_GIL_DISABLED"):
    stop("is a free-threaded build, which gopyrpc does not run on")
includes = list(dict.fromkeys([s.get_path("include"), s.get_path("platinclude")]))
if not os.path.exists(os.path.join(includes[0], "Python.h")):
    stop("has no Python.h in %s: install libpython%s-dev (Debian, Ubuntu) or python%s-devel (Fedora)"
         % (includes[0], name, name))
library = "libpython%s.so.1.0" % name
dirs = [os.path.join(sys.base_prefix, "lib")] # before LIBDIR, which is wrong for a Python that was moved
dirs += [var("LIBDIR")] if var("LIBDIR") else []
found = [d for d in dirs if os.path.exists(os.path.join(d, library))]
if not found:
    stop("has no %s in %s: install libpython%s (Debian, Ubuntu) or python%s-libs (Fedora); "
         "a Python of your own needs ./configure --enable-shared" % (library, " or ".join(dirs), name, name))
print(sys.executable, found[0], library, *includes, sep="\n")'

has_headers() {
  "$1" -I -c 'import os, sysconfig, sys
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null
}

choose() {
  local system
  system=$(PATH=/usr/local/bin:/usr/bin command -v python3 || true)
  if [[ -n ${GOPYRPC_PYTHON:-} ]]; then
    echo "$GOPYRPC_PYTHON"
  elif [[ -n $system ]] && has_headers "$system"; then
    echo "$system"
  else
    command -v python3 || fail "there is no python3 on PATH: install python3 and libpython3-dev, or set GOPYRPC_PYTHON"
  fi
}

# Quotes one flag for Go, which splits CGO_* at spaces outside quotes.
flag() {
  if [[ $1 == *[[:space:]]* ]]; then printf ' "%s"' "$1"; else printf ' %s' "$1"; fi
}

python=${1:-$(choose)}
answer=$("$python" -I -c "$ask") || fail "$python does not run as a Python interpreter"
[[ $answer != !* ]] || fail "$python ${answer#!}"
mapfile -t lines <<<"$answer"
[[ ${#lines[@]} -ge 4 ]] || fail "$python is no Python interpreter"
executable=${lines[0]} libdir=${lines[1]} library=${lines[2]}

compiler=${CC:-gcc}
command -v "${compiler%% *}" >/dev/null || fail "there is no C compiler $compiler: install gcc and libc6-dev"

# -O2 -g is Go's own default, which these variables replace. cpy3 wraps functions that CPython deprecates, and
# each of them would cause a warning of four lines.
cflags="-O2 -g -Wno-deprecated-declarations"
for dir in "${lines[@]:3}"; do
  cflags+=$(flag "-I$dir")
done
cflags+=" -include$(flag "$header")"
# Go's build cache does not see the header's text either. The header's checksum, in a macro that no code uses, stands for
# the text.
cflags+=" -DGOPYRPC_CPY3_COMPAT=$(cksum <"$header" | cut -d ' ' -f 1)"

# The shared library has its full name here. -lpython3.N would settle for a static library, which is a second copy of
# Python in the process. With the run path the library is the very file that gopyrpc loads for this interpreter. With
# --as-needed, programs without cpy3 that are built in the same environment are not linked with libpython.
ldflags="-O2 -g$(flag "-L$libdir")$(flag "-Wl,-rpath,$libdir") -Wl,--as-needed -l:$library"

echo "export CGO_CFLAGS=${cflags@Q}"
echo "export CGO_LDFLAGS=${ldflags@Q}"
echo "export PKG_CONFIG=true"
echo "export GOPYRPC_PYTHON=${executable@Q}"
