#!/usr/bin/env bash
# Keeps Debian systems of other versions than this machine's, and runs commands in them. Each is a directory
# below .cache/trees, made by debootstrap from Debian's packages: every CPython of the suite with its headers,
# numpy, torch and gcc.
#
#   scripts/tree.sh make TREE           make the tree, unless it is there and complete
#   scripts/tree.sh refresh TREE        make the tree anew: sid changes daily, and a tree stays as it was made
#   scripts/tree.sh run TREE COMMAND…   run a command in the tree, in this directory, which is read-only there
#   scripts/tree.sh about TREE          print what the tree is, and of which day
#   scripts/tree.sh remove [TREE…]      remove the trees, or all trees; refused while something is mounted below
#
# TREE is SUITE or SUITE-ARCH, in Debian's names: sid, trixie, bookworm-arm64.
#
# A tree of another architecture needs qemu's user mode (scripts/emulate), and has neither torch nor a compiler.
#
# Mounts in a tree are made in a mount namespace of the command's own (unshare -m), and end with that namespace.
# A new tree takes its name only when it is complete. Exit statuses of make and refresh: 3 where a tree cannot be
# made for want of a tool or of permission, 4 where Debian's mirror did not answer, 1 for anything else.
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
here=$PWD
trees=${GOPYRPC_TREES:-$(dirname "$(dirname "$self")")/.cache/trees}
PATH=$PATH:/usr/sbin:/sbin # debootstrap and chroot are there, and not on every user's PATH

fail() { # status message…
  printf 'tree: %s\n' "${@:2}" >&2
  exit "$1"
}

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$self"
}

# --- what a tree is ---------------------------------------------------------------------------

native=$(dpkg --print-architecture 2>/dev/null || echo none)

suite() { echo "${1%%-*}"; }

arch() {
  case $1 in
    *-*) echo "${1#*-}" ;;
    *) echo "$native" ;;
  esac
}

packages() { # TREE
  if [[ $(arch "$1") == "$native" ]]; then
    echo python3-all libpython3-all-dev python3-numpy gcc libc6-dev python3-torch
  else
    echo python3 libpython3-dev python3-numpy
  fi
}

# The stamp is written last. A tree whose stamp has another recipe is made anew.
stamp() { echo "$trees/$1/.gopyrpc-tree"; }

recipe() { # TREE
  echo "recipe 1: $(suite "$1") $(arch "$1"): $(packages "$1" | xargs)"
}

is_made() { # TREE
  [[ -f $(stamp "$1") && $(sed -n 1p "$(stamp "$1")") == "$(recipe "$1")" ]]
}

about() { # TREE
  is_made "$1" || fail 1 "$1 is not made (scripts/tree.sh make $1)"
  local days
  days=$((($(date +%s) - $(stat -c %Y "$(stamp "$1")")) / 86400))
  printf '%s' "$(sed -n 2p "$(stamp "$1")")"
  if ((days > 30)); then printf ', %s days ago: scripts/tree.sh refresh %s makes it anew' "$days" "$1"; fi
  echo
}

# The command that runs the commands in a tree of another architecture, see in_tree.
emulate=()

use_emulator() { # TREE
  local program=$trees/.emulate
  [[ $(arch "$1") != "$native" ]] || return 0
  emulate=("$program" "$(arch "$1")") # Debian's name and Go's are one
  if [[ -z ${GOPYRPC_TREE_INSIDE:-} ]]; then
    mkdir -p "$trees"
    (cd "$(dirname "$self")" && go build -o "$program" ./emulate) || fail 1 "scripts/emulate was not built"
    "${emulate[@]}" true || fail 3 "programs for $(arch "$1") cannot be run here"
  fi
}

# --- making and removing ----------------------------------------------------------------------

# Refuses, with status 3, where the tools or the permission to make and enter a tree are missing.
require_tools() {
  local tool
  for tool in debootstrap unshare chroot flock; do
    command -v "$tool" >/dev/null || fail 3 "there is no $tool here (scripts/setup.sh --with-trees installs it)"
  done
  [[ $(id -u) == 0 ]] || fail 3 "only root can make a tree and run commands in it"
  unshare --mount true 2>/dev/null || fail 3 "this root may not mount (unshare -m is refused): a container without the right to?"
}

# The mounts below a directory that this process sees. /proc writes a blank as \040.
mounted_below() { # DIR
  local point
  while read -r _ _ _ _ point _; do
    point=$(printf '%b' "$point")
    if [[ $point == "$1" || $point == "$1"/* ]]; then echo "$point"; fi
  done </proc/self/mountinfo
}

# Removes a directory in which nothing is mounted. Mounted files belong to others, and rm would remove them.
remove_dir() { # DIR
  local mounts
  [[ -e $1 ]] || return 0
  mounts=$(mounted_below "$(realpath "$1")")
  [[ -z $mounts ]] || fail 1 "$1 is not removed while something is mounted in it: $(xargs <<<"$mounts")"
  rm -rf --one-file-system "$1"
}

# What debootstrap and apt print when a download fails or is not complete.
no_answer='Failed getting release file|Invalid Release file|Couldn.t download|Failed to fetch|Unable to fetch|Temporary failure|Could not (resolve|connect)|Connection (failed|timed out)|Hash Sum mismatch'

# Installs a tree's packages, from within the tree. The mirror may be a copy that is some weeks old: its signature is
# checked and its age is not, as in debootstrap.
install_packages() { # DIR PACKAGE…
  local dir=$1 apt
  apt=(apt-get -qq -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io)
  mount --rbind /proc "$dir/proc"
  in_tree "$dir" "${apt[@]}" update
  in_tree "$dir" "${apt[@]}" install -y --no-install-recommends "${@:2}"
  in_tree "$dir" "${apt[@]}" clean
}

release_date() { # DIR
  local date
  date=$(cat "$1"/var/lib/apt/lists/*Release 2>/dev/null | sed -n '/^Date: /{s///p;q}')
  date -u -d "$date" +%F 2>/dev/null || echo unknown
}

# Makes a tree's directory. The caller has a mount namespace of its own, as debootstrap mounts, too.
build() { # TREE DIR
  local tree=$1 dir=$2 wanted
  if [[ $(arch "$tree") == "$native" ]]; then
    debootstrap --variant=minbase "$(suite "$tree")" "$dir"
  else # a user namespace cannot make device nodes; debootstrap leaves them out where it takes the system for a container of LXC
    debootstrap --foreign --variant=minbase --arch="$(arch "$tree")" "$(suite "$tree")" "$dir"
    in_tree "$dir" /usr/bin/env container=lxc /debootstrap/debootstrap --second-stage
  fi
  read -r -d '' -a wanted < <(packages "$tree") || true
  install_packages "$dir" "${wanted[@]}"
  # The stamp has another name until the tree is complete.
  {
    recipe "$tree"
    echo "Debian $(suite "$tree") $(arch "$tree") of $(release_date "$dir"), made on $(date -u +%F)"
  } >"$dir/.gopyrpc-tree.new"
  rm -rf "$dir"/var/lib/apt/lists/*
}

# Makes a tree under another name, and then gives it its own.
make_tree() { # TREE
  local tree=$1 part=$trees/.part-$1 log=$trees/$1.log
  require_tools
  use_emulator "$tree"
  remove_dir "$part"
  echo "tree: making $tree (some minutes; $log)" >&2
  if ! GOPYRPC_TREE_INSIDE=1 unshare --mount --propagation private "$BASH" "$self" build "$tree" "$part" >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" | sed 's/^/tree:   /' >&2
    if grep -qE "$no_answer" "$log"; then fail 4 "$tree: Debian's mirror did not give all that was asked for"; fi
    fail 1 "$tree could not be made; the whole of it is in $log"
  fi
  mv "$part/.gopyrpc-tree.new" "$part/.gopyrpc-tree"
  remove_dir "$trees/$tree"
  mv "$part" "$trees/$tree"
}

# Locks a tree: one process at a time makes or removes it, and none does while commands run in it.
lock() { # TREE, and -s to share it
  mkdir -p "$trees"
  exec 9>"$trees/.lock-$1"
  flock "${@:2}" 9
}

remove() { # TREE
  lock "$1" -n || fail 1 "$1 is not removed while commands run in it"
  remove_dir "$trees/$1"
}

remove_all() {
  local made
  for made in "$trees"/*/; do
    if [[ -d $made ]]; then remove "$(basename "$made")"; fi
  done
  remove_dir "$trees" # with the trees that were not completed
}

# --- running ----------------------------------------------------------------------------------

# Runs a command in the environment of a login on that system, with the variables that tests look at.
in_tree() { # DIR COMMAND…
  local keep=() name
  for name in $(compgen -e); do
    case $name in
      CI | TERM | GOPYRPC_* | OPENBLAS_* | *_proxy) keep+=("$name=${!name}") ;;
    esac
  done
  env -i "${keep[@]}" DEBIAN_FRONTEND=noninteractive HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${emulate[@]}" "$(command -v chroot)" "$@"
}

# Mounts what a system has besides its files. The caller has a mount namespace of its own.
mount_all() { # DIR
  local dir=$1 node
  mount --rbind /proc "$dir/proc"
  mount --rbind /sys "$dir/sys"
  mount -t tmpfs -o mode=755 dev "$dir/dev"
  for node in null zero full random urandom tty; do
    : >"$dir/dev/$node"
    mount --bind "/dev/$node" "$dir/dev/$node"
  done
  ln -s /proc/self/fd "$dir/dev/fd"
  ln -s fd/0 "$dir/dev/stdin"
  ln -s fd/1 "$dir/dev/stdout"
  ln -s fd/2 "$dir/dev/stderr"
  mkdir "$dir/dev/shm" "$dir/dev/pts"
  mount -t tmpfs -o mode=1777 shm "$dir/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dir/dev/pts"
  ln -s pts/ptmx "$dir/dev/ptmx"
  mount -t tmpfs -o mode=1777 tmp "$dir/tmp"
  mkdir -p "$dir$here"
  mount --bind "$here" "$dir$here"
  mount -o remount,bind,ro "$dir$here"
}

run_inside() { # DIR COMMAND…
  mount_all "$1"
  # shellcheck disable=SC2016 # that shell expands it
  in_tree "$1" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$here" "${@:2}"
}

case ${1:-} in
  make | refresh | about | run) [[ ${2:-} =~ ^[a-z]+(-[a-z0-9]+)?$ ]] || fail 2 "no tree: '${2:-}' (see --help)" ;;
esac
case ${1:-} in
  make)
    if ! is_made "$2"; then
      require_tools
      lock "$2"
      is_made "$2" || make_tree "$2"
    fi
    ;;
  refresh)
    require_tools
    lock "$2"
    make_tree "$2"
    ;;
  about) about "$2" ;;
  run)
    require_tools
    lock "$2" -s
    is_made "$2" || fail 1 "$2 is not made (scripts/tree.sh make $2)"
    use_emulator "$2"
    # The lock belongs to this process. A process that was started inside and stays behind does not keep it.
    status=0
    GOPYRPC_TREE_INSIDE=1 unshare --mount --propagation private "$BASH" "$self" inside "$trees/$2" "${@:3}" 9>&- || status=$?
    exit "$status"
    ;;
  remove)
    for tree in "${@:2}"; do remove "$tree"; done
    if [[ $# == 1 ]]; then remove_all; fi
    ;;
  build) # of make, in its namespace
    use_emulator "$2"
    build "$2" "$3"
    ;;
  inside) # of run, in its namespace
    use_emulator "$(basename "$2")"
    run_inside "${@:2}"
    ;;
  -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
