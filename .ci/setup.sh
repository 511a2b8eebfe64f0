# What ./run and .ci/run share: finds or brings uv, Python and a compiler, installs the packages, builds the core.
# Bash 3.2 (macOS) and the tools of a minimal Debian are enough. ROOT is set by whoever sources this.
VENV="$ROOT/.venv"
STATE="$ROOT/.bootstrap" # uv of our own where the machine has none, and the lock
STAMP="$VENV/.portfolio-setup"
UV_MINIMUM=0.8.0
UV_PINNED=0.13.9
LOCKED=""
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}" # uv, too, trusts what pip was told to trust

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'run: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '     %s\n' "$line" >&2; done
  exit 1
}

# --- one set-up at a time -------------------------------------------------------------------------------------------
# A symbolic link is made in one step and carries the owner's process id; flock is missing on macOS.
take_lock() {
  local owner waited=0
  mkdir -p "$STATE"
  until ln -s "$$" "$STATE/lock" 2>/dev/null; do
    owner=$(readlink "$STATE/lock" || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      rm -f "$STATE/lock" # its owner died
      continue
    fi
    [ "$waited" -gt 0 ] || say "waiting for another set-up in this folder (process ${owner:-unknown})"
    waited=$((waited + 1))
    [ "$waited" -le 1200 ] || die "gave up waiting after 20 minutes; if no set-up is running: rm $STATE/lock"
    sleep 1
  done
  LOCKED=yes
}
drop_lock() {
  [ -z "$LOCKED" ] || rm -f "$STATE/lock"
  LOCKED=""
}

# --- what is there --------------------------------------------------------------------------------------------------
at_least() { # is dotted version $1 at least $2?
  local a1 a2 a3 b1 b2 b3 rest
  IFS=. read -r a1 a2 a3 rest <<<"$1.0.0.0"
  IFS=. read -r b1 b2 b3 rest <<<"$2.0.0.0"
  [ $((a1 * 1000000 + a2 * 1000 + a3)) -ge $((b1 * 1000000 + b2 * 1000 + b3)) ]
}

find_uv() {
  local candidate version
  for candidate in uv "$HOME/.local/bin/uv" "$STATE/bin/uv"; do
    version=$("$candidate" --version 2>/dev/null) || continue
    version=${version#uv }
    version=${version%%[!0-9.]*}
    at_least "$version" "$UV_MINIMUM" || continue
    UV=$(command -v "$candidate")
    return 0
  done
  return 1
}

# "ok headers venv path": in range, with Python.h, good enough to fetch uv with.
ask_python() {
  "$1" -c '
import os, sys, sysconfig
ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
try:
    import ensurepip, venv
    fetch = sys.version_info >= (3, 8)
except ImportError:
    fetch = False
print("%d%d%d %s" % (ok, headers, fetch, sys.executable))' 2>/dev/null
}
# PYTHON: the one to build for. BARE_PYTHON: it would do, had it headers. ANY_PYTHON: can fetch uv.
find_python() {
  local candidate found wanted="python3 python3.13 python3.12 python3.11 python"
  [ -z "${UV_PYTHON:-}" ] || wanted="$UV_PYTHON python$UV_PYTHON"
  PYTHON="" ANY_PYTHON="" BARE_PYTHON=""
  for candidate in $wanted; do
    found=$(ask_python "$candidate") || continue
    case "$found" in
      11*) PYTHON=${found#* } ;;
      10*) BARE_PYTHON=${found#* } ;;
    esac
    case "$found" in ??1*) ANY_PYTHON=${found#* } ;; esac
    [ -z "$PYTHON" ] || break
  done
  if [ -z "$UV$ANY_PYTHON" ] && found=$(ask_python python3); then
    case "$found" in ??1*) ANY_PYTHON=${found#* } ;; esac
  fi
  [ -n "$PYTHON" ] || [ -z "$UV" ] ||
    PYTHON=$("$UV" python find --no-python-downloads --managed-python "${UV_PYTHON:->=3.11,<3.14}" 2>/dev/null) ||
    PYTHON=""
}

find_compiler() {
  local candidate
  for candidate in ${CXX:-} c++ g++ clang++; do
    if printf '#include <concepts>\n#include <span>\nint main() { return std::span<int>{}.size(); }\n' |
      "$candidate" -std=c++20 -x c++ -fsyntax-only - >/dev/null 2>&1; then
      COMPILER=$candidate
      return 0
    fi
  done
  return 1
}

# Lists what this machine lacks: Debian's package names in PACKAGES, words in LACKING.
look_around() {
  PACKAGES="" LACKING=""
  UV="" COMPILER=""
  find_uv || true
  find_python
  if [ -z "$UV" ] && [ -z "$ANY_PYTHON" ]; then
    PACKAGES="$PACKAGES python3 python3-venv"
    LACKING="$LACKING; Python 3.11 to 3.13 with its venv module"
  fi
  if [ -z "$PYTHON" ] && { [ -n "$BARE_PYTHON" ] || [ -z "$ANY_PYTHON$UV" ]; }; then
    PACKAGES="$PACKAGES python3-dev"
    LACKING="$LACKING; the C headers of Python"
  fi
  if ! find_compiler; then
    PACKAGES="$PACKAGES g++"
    LACKING="$LACKING; a C++20 compiler"
  fi
  LACKING=${LACKING#; }
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }
APT="-qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=0 -o Acquire::http::Timeout=8 -o Acquire::https::Timeout=8"
apt_update() {
  export DEBIAN_FRONTEND=noninteractive
  # A failed update may be one dead source; when a small package cannot be fetched either, nothing can.
  # shellcheck disable=SC2086 # a list of options
  apt-get $APT update --error-on=any >"$STATE/apt.log" 2>&1 ||
    (cd "$STATE" && timeout 6 apt-get $APT download base-files >/dev/null 2>&1 && rm -f base-files_*) || {
    head -n 2 "$STATE/apt.log" >&2
    return 1
  }
}
apt_install() {
  say "apt-get install $*"
  apt_update || return 1
  # shellcheck disable=SC2086
  apt-get $APT -y --no-install-recommends install "$@" >"$STATE/apt.log" 2>&1 </dev/null && return
  tail -n 4 "$STATE/apt.log" >&2
  return 1
}
apt_unpack() { # package, folder: its files only, nothing is installed or started
  say "apt-get download $1"
  local folder="$2.new"
  rm -rf "$folder"
  mkdir -p "$folder"
  # shellcheck disable=SC2086
  (cd "$folder" && apt-get $APT download "$1" >"$STATE/apt.log" 2>&1) || {
    apt_update && (cd "$folder" && apt-get $APT download "$1" >"$STATE/apt.log" 2>&1)
  } || {
    tail -n 2 "$STATE/apt.log" >&2
    rm -rf "$folder"
    return 1
  }
  dpkg -x "$folder"/*.deb "$folder" && rm -f "$folder"/*.deb && rm -rf "$2" && mv "$folder" "$2"
}

fetch_uv() {
  "$ANY_PYTHON" -m venv --clear "$STATE/venv" && mkdir -p "$STATE/bin" &&
    PIP_RETRIES=${PIP_RETRIES:-0} PIP_DEFAULT_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-6} PIP_DISABLE_PIP_VERSION_CHECK=1 \
      "$STATE/venv/bin/python" -m pip install -q "uv==$UV_PINNED" && ln -sf ../venv/bin/uv "$STATE/bin/uv" && find_uv
}

ensure_tools() {
  export RES_OPTIONS="${RES_OPTIONS:-timeout:3 attempts:1}" # a silent name server must not cost a minute
  mkdir -p "$STATE"
  look_around
  if [ -n "$LACKING" ] && can_apt; then
    [ -e /etc/ssl/certs/ca-certificates.crt ] || PACKAGES="$PACKAGES ca-certificates"
    # shellcheck disable=SC2086 # a list of names
    apt_install $PACKAGES || say "apt-get could not: no network?"
    look_around
  fi
  [ -z "$LACKING" ] || die "this machine lacks: $LACKING" \
    "Debian, Ubuntu: apt-get install$PACKAGES" \
    "Fedora:         dnf install python3 python3-devel gcc-c++" \
    "macOS:          xcode-select --install; brew install python@3.13"
  say "compiler: $COMPILER"
  if [ -z "$UV" ]; then
    say "uv: fetching $UV_PINNED into .bootstrap"
    fetch_uv || die "could not fetch uv $UV_PINNED from the package index." \
        "Without a network: put uv $UV_MINIMUM or newer on the PATH," \
        "or name a folder of wheels, as docs/development.md says: PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR"
    [ -n "$PYTHON" ] || find_python
  fi
  say "uv: $("$UV" --version)"
  if [ -z "$PYTHON" ]; then
    say "Python: no ${UV_PYTHON:-3.11 to 3.13} with C headers here; uv downloads its own build"
    "$UV" python install "${UV_PYTHON:-3.13}" ||
      die "no Python ${UV_PYTHON:-3.11 to 3.13}" \
        "Debian 12 or newer: apt-get install python3 python3-dev; macOS: brew install python@3.13"
    PYTHON=$("$UV" python find --managed-python "${UV_PYTHON:-3.13}")
  fi
  say "Python: $("$PYTHON" -c 'import platform; print(platform.python_version())') ($PYTHON)"
  name_localhost
}
# A root made by debootstrap has no /etc/hosts: nobody would find http://localhost there.
name_localhost() {
  if "$PYTHON" -c 'import socket; socket.getaddrinfo("localhost", None)' 2>/dev/null; then return; fi
  if [ "$(id -u)" = 0 ] && printf '127.0.0.1 localhost\n::1 localhost\n' 2>/dev/null >>/etc/hosts; then
    say "localhost had no address here: added it to /etc/hosts"
  else
    say "localhost has no address here: add '127.0.0.1 localhost' to /etc/hosts, or call 127.0.0.1"
  fi
}

# --- packages and the native core -----------------------------------------------------------------------------------
# Everything an installed .venv depends on; edits of Python files are live and need no set-up.
fingerprint() {
  (
    cd "$ROOT"
    printf '%s %s\n' "$ROOT" "${UV_PYTHON:-}"
    find CMakeLists.txt pyproject.toml uv.lock cmake cpp metal python/src -type f ! -name '.*' -exec cksum {} + |
      LC_ALL=C sort
  ) | cksum | tr -d ' \t'
}
is_current() { # is the .venv set up for $1 (serve, dev or peers: each has what those before it have)?
  local line
  [ -x "$VENV/bin/portfolio-engine" ] && [ -r "$STAMP" ] && read -r line <"$STAMP" || return 1
  case "$1 $line" in "$1 peers $PRINT" | "$1 $1 $PRINT" | "serve dev $PRINT") ;; *) return 1 ;; esac
}

own_index() { # did the user choose where packages come from?
  [ -n "${PIP_INDEX_URL:-}${PIP_NO_INDEX:-}${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_INDEX:-}" ]
}
# The lock names the public index; from another one come the same versions, checked by the same hashes.
sync_from_own_index() {
  export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-}}}"
  [ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
  local only=""
  [ -z "${PIP_NO_INDEX:-}" ] || only=--no-index
  [ -z "${PIP_FIND_LINKS:-}" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-$PIP_FIND_LINKS}"
  "$UV" export -q --frozen --no-emit-project "$@" -o "$STATE/requirements.txt" >/dev/null &&
    { [ -x "$VENV/bin/python" ] || "$UV" venv -q --python "$PYTHON" "$VENV"; } &&
    "$UV" pip install $QUIET $only --python "$VENV/bin/python" -r "$STATE/requirements.txt" &&
    "$UV" pip install $QUIET $only --python "$VENV/bin/python" --no-deps -e "$ROOT"
}
sync_once() {
  if own_index; then
    sync_from_own_index "$@"
  else
    "$UV" sync $QUIET --locked --inexact --python "$PYTHON" "$@"
  fi
}
# Without a network the first try ends within seconds; a flaky network, which takes longer, gets a patient second one.
sync() {
  local began=$SECONDS
  UV_HTTP_CONNECT_TIMEOUT=${UV_HTTP_CONNECT_TIMEOUT:-4} UV_HTTP_RETRIES=${UV_HTTP_RETRIES:-1} sync_once "$@" && return
  [ $((SECONDS - began)) -gt 15 ] && say "trying once more" && sync_once "$@"
}

ensure() { # serve | dev | peers
  local want=$1 began=$SECONDS
  PRINT=$(fingerprint)
  is_current "$want" && return
  take_lock
  if ! is_current "$want"; then
    ensure_tools
    local -a parts=(--extra service --extra cli --no-default-groups)
    [ "$want" = serve ] || parts+=(--group dev)
    [ "$want" != peers ] || parts+=(--group peers)
    QUIET=-q
    [ ! -t 2 ] || QUIET=""
    say "packages and native core into .venv (the first time takes a few minutes)"
    unset VIRTUAL_ENV CONDA_PREFIX
    export UV_PROJECT_ENVIRONMENT="$VENV"
    (cd "$ROOT" && sync "${parts[@]}") || die "the set-up failed; what is above says why." \
      "Without a network it needs an earlier .venv, a filled uv cache," \
      "or a folder of wheels, as docs/development.md says: PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR"
    [ "$PRINT" = "$(fingerprint)" ] || say "sources changed meanwhile: the next ./run builds again"
    printf '%s %s\n' "$want" "$PRINT" >"$STAMP"
    say "set up in $((SECONDS - began)) s"
  fi
  drop_lock
}

# --- C++ programs ------------------------------------------------------------------------------------------------------
# CMake, ninja and Eigen come with the dev group: the C++ tests run the kernels that the extension is built from.
build_native() { # build folder, further CMake options
  local folder=$1
  shift
  mkdir -p "$STATE"
  export PATH="$VENV/bin:$PATH"
  if ! cmake -S "$ROOT" -B "$folder" -G Ninja -DPython_EXECUTABLE="$VENV/bin/python" -DPORTFOLIO_BLAS="$(blas)" \
    -DCMAKE_PREFIX_PATH="$(eigen_prefix)" "$@" >"$STATE/cmake.log" 2>&1; then
    cat "$STATE/cmake.log" >&2
    return 1
  fi
  cmake --build "$folder" --parallel 2
}
blas() { if [ "$(uname)" = Darwin ]; then echo accelerate; else echo openblas; fi; }
eigen_prefix() {
  "$VENV/bin/python" -c 'from importlib import metadata
print(metadata.distribution("cmeel-eigen").locate_file("cmeel.prefix"))'
}
