# What the scripts share. Source it; it goes to the project's top folder.
# shellcheck shell=bash disable=SC2034

set -euo pipefail

# Where the user stood, for paths in arguments.
start_dir=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Overridden by options or by these variables of the environment.
compiler=${CXX:-g++}
prefix_path=${CMAKE_PREFIX_PATH:-}

build_packages=(cmake ninja-build pkg-config nlohmann-json3-dev libsqlite3-dev)
example_packages=(libcli11-dev libcpp-httplib-dev)
test_packages=(catch2)
lint_packages=(clang-format-14 clang-tidy-14)

# Repeated builds are quick where ccache is installed.
launcher=
if command -v ccache >/dev/null; then
  launcher=ccache
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros # for precompiled headers
fi

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# build_option ARGUMENT...: whether the first two are an option that all scripts
# know, which is then taken: --compiler CXX or --prefix-path DIR.
build_option() {
  case $1 in
    --compiler) compiler=${2:?needs a compiler} ;;
    --prefix-path)
      prefix_path=$(cd "$start_dir" && realpath -e "${2:?needs a folder}") ||
        exit 1
      ;;
    *) return 1 ;;
  esac
}

# need_packages PACKAGE...: installs those that are missing.
need_packages() {
  case $compiler in
    *clang*) set -- "$@" clang libclang-rt-14-dev ;;
    *) set -- "$@" g++ ;;
  esac
  # Whoever names a folder to look in brings a CAF of their own.
  [[ -n $prefix_path ]] || set -- "$@" libcaf-dev

  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    for tool in cmake ninja "$compiler"; do
      command -v "$tool" >/dev/null || die "needs what Debian calls: $*"
    done
    return 0 # CMake says which library is missing
  fi

  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) \
      == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0

  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null ||
      die "please install, as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 \
      install "${missing[@]}" >/dev/null ||
    die "could not install: ${missing[*]}"
}

# build_dir PRESET: the folder for that preset, compiler and prefix path. Each
# choice has its own, so that no cached find result gets into another's build.
build_dir() {
  local dir=build/$1
  [[ $compiler == g++ ]] || dir+=-${compiler##*/}
  [[ -z $prefix_path ]] || dir+=-$(cksum <<<"$prefix_path" | cut -d' ' -f1)
  echo "$dir"
}

# configure PRESET: does nothing if that was done; Ninja repeats it if need be.
configure() {
  local dir
  dir=$(build_dir "$1")
  [[ -e $dir/build.ninja ]] && return 0
  mkdir -p "$dir"
  if ! cmake --preset "$1" -B "$dir" -DCMAKE_CXX_COMPILER="$compiler" \
    ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} \
    ${prefix_path:+-DCMAKE_PREFIX_PATH="$prefix_path"} \
    >"$dir/configure.log" 2>&1; then
    cat "$dir/configure.log" >&2
    return 1
  fi
  grep -- '-- Found CAF' "$dir/configure.log" || true
}

# build PRESET [TARGET...]
build() {
  local dir
  dir=$(build_dir "$1")
  cmake --build "$dir" ${2:+--target "${@:2}"}
}

# build_quietly PRESET [TARGET...]: shows only what fails.
build_quietly() {
  local log
  log=$(build_dir "$1")/build.log
  build "$@" >"$log" || {
    tail -n 40 "$log"
    die "the $1 build fails"
  }
}

# Our C++ files.
sources() {
  find messages persistence actors examples tests bench tools \
    -name '*.[ch]pp' 2>/dev/null || true
}

# step NAME COMMAND...: runs a step and remembers how it went for `summary`.
steps=()
failed=false
step() {
  local name=$1 began=$SECONDS result=ok
  shift
  echo "== $name"
  "$@" || { result=FAILED && failed=true; }
  steps+=("$(printf '%-8s %4d s  %s' "$result" $((SECONDS - began)) "$name")")
  [[ $result == ok ]]
}

# Prints what the steps did; fails if one of them failed.
summary() {
  printf '%s\n' "" "${steps[@]}"
  printf '%-8s %4d s\n' "all" "$SECONDS"
  [[ $failed == false ]]
}
