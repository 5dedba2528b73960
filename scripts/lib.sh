# What the scripts share. Source it; it goes to the project's top folder, and
# answers --help with the comment that the script begins with.
# shellcheck shell=bash disable=SC2034

set -euo pipefail

# Where the user stood, for paths in arguments.
start_dir=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Ends a script that was called in a way that it does not know.
refuse() {
  echo "${0##*/}: $*; see scripts/${0##*/} --help" >&2
  exit 2
}

# need_value OPTION [VALUE]...: refuses an option at the end that wants more.
need_value() { [[ $# -gt 1 ]] || refuse "$1 needs a value"; }

# user_path PATH: as the user, who may stand elsewhere, means it.
user_path() { (cd "$start_dir" && realpath -m "$1"); }

for argument in "$@"; do
  if [[ $argument == --help || $argument == -h ]]; then
    sed -nE '2,/^[^#]/s/^# ?//p' "scripts/${0##*/}"
    # A program that the other arguments are for, if it is there already.
    [[ ! -x ${program:-} ]] || { echo && "$program" --help; }
    exit
  fi
done

# Overridden by options or by these variables of the environment.
compiler=${CXX:-g++}
prefix_path=${CMAKE_PREFIX_PATH:-}

build_packages=(cmake ninja-build pkg-config nlohmann-json3-dev libsqlite3-dev)
example_packages=(libcli11-dev libcpp-httplib-dev libmicrohttpd-dev)
test_packages=(catch2 patch)
clang_packages=(clang libclang-rt-14-dev)
lint_packages=(clang-format-14 clang-tidy-14)
browser_packages=(chromium-headless-shell)

# Repeated builds are quick where ccache is installed.
launcher=
if command -v ccache >/dev/null; then
  launcher=ccache
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros # for precompiled headers
fi

# prefix_option ARGUMENT...: whether the first two are --prefix-path DIR, which
# is then taken.
prefix_option() {
  [[ $1 == --prefix-path ]] || return 1
  need_value "$@"
  prefix_path=$(user_path "$2")
  [[ -d $prefix_path ]] || refuse "no folder: $2"
}

# build_option ARGUMENT...: the same, or --compiler CXX.
build_option() {
  prefix_option "$@" && return
  [[ $1 == --compiler ]] || return 1
  need_value "$@"
  compiler=$2
}

# need_packages PACKAGE...: installs those that are missing.
need_packages() {
  case $compiler in
    *clang*) set -- "$@" "${clang_packages[@]}" ;;
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

# need_browser: what tests/browser needs: Debian's chromium, and what npm brings.
# Where there is none of them, those tests say that they are skipped.
need_browser() {
  if ! command -v npm >/dev/null; then
    echo "there is no npm: tests in a browser are skipped"
    return
  fi
  ! grep -qx 'ID=debian' /etc/os-release ||
    (need_packages "${browser_packages[@]}") || true
  tests/browser/run.sh --install || [[ $? -eq 77 ]]
}

# compiler_of PRESET: what is not shipped is always compiled by clang, which takes
# half of the time that g++ takes.
compiler_of() {
  case $1 in
    quick | asan | tsan | lint) echo clang++ ;;
    *) echo "$compiler" ;;
  esac
}

# build_dir PRESET: the folder for that preset, compiler and prefix path. Each
# choice has its own, so that no cached find result gets into another's build.
build_dir() {
  local dir=build/$1
  case $(compiler_of "$1") in
    g++) ;;
    "$compiler") dir+=-${compiler##*/} ;;
  esac
  [[ -z $prefix_path ]] || dir+=-$(cksum <<<"$prefix_path" | cut -d' ' -f1)
  echo "$dir"
}

# plant_bugs: makes build/planted the tree with all bugs of tests/planted in it,
# asleep until WAYBILL_PLANTED names one. What is as it was keeps its time, so that
# only the rest is compiled again.
planted=build/planted
plant_bugs() {
  mkdir -p "$planted"
  (
    flock 9
    [[ -e $planted.stamp && -z $(find . -mindepth 1 -path './build*' -prune \
      -o -name .git -prune -o -newer "$planted.stamp" -print -quit) ]] && exit
    touch "$planted.new"
    fresh=$planted.fresh
    rm -rf "$fresh"
    mkdir -p "$fresh"
    tar -c --exclude='./build*' --exclude=.git . | tar -x -C "$fresh"
    for patch in tests/planted/*.patch; do
      # Each by itself must fit where it is to go: one that is taken for similar
      # may land elsewhere. Neighbours may then change each other's surroundings.
      log=$({
        patch -p1 --dry-run --batch --fuzz=0 <"$patch" &&
          patch -d "$fresh" -p1 --batch --no-backup-if-mismatch <"$patch"
      } 2>&1) || {
        echo "$log" >&2
        die "$patch does not apply any more: mend it, or plant the bug elsewhere"
      }
    done
    (cd "$fresh" && find . -type f) | while read -r file; do
      cmp -s "$fresh/$file" "$planted/$file" && continue
      mkdir -p "$planted/$(dirname "$file")"
      cp "$fresh/$file" "$planted/$file"
    done
    (cd "$planted" && find . -type f) | while read -r file; do
      [[ -e $fresh/$file ]] || rm "$planted/$file"
    done
    rm -r "$fresh"
    mv "$planted.new" "$planted.stamp"
  ) 9>"$planted.lock"
}

# configure PRESET [ARGUMENT...]: does nothing if that was done; Ninja repeats it
# if need be. The arguments go to CMake. The tests with AddressSanitizer are those
# that catch planted bugs, so that all is compiled once for both.
configure() {
  local preset=$1 dir
  dir=$(build_dir "$1")
  shift
  if [[ $preset == asan ]]; then
    plant_bugs || return
    set -- -S "$planted" -DCMAKE_CXX_FLAGS="-std=c++20 \
-include '$PWD/$planted/tests/planted/planted.hpp' \
-ffile-prefix-map='$PWD/$planted/'=" "$@"
  fi
  [[ -e $dir/build.ninja ]] && return 0
  mkdir -p "$dir"
  if ! flock "$dir" cmake --preset "$preset" -B "$dir" \
    -DCMAKE_CXX_COMPILER="$(compiler_of "$preset")" \
    ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} \
    ${prefix_path:+-DCMAKE_PREFIX_PATH="$prefix_path"} "$@" \
    >"$dir/configure.log" 2>&1; then
    cat "$dir/configure.log" >&2
    return 1
  fi
  grep -- '-- Found CAF' "$dir/configure.log" || true
}

# build PRESET [TARGET...]: one at a time in a folder, as rows of the torture
# suite share them.
build() {
  local dir
  dir=$(build_dir "$1")
  flock "$dir" cmake --build "$dir" ${2:+--target "${@:2}"}
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

# run_tests PRESET [ARGUMENT...]: the tests of that build, by ctest, which gets
# the arguments. Off a terminal, only what fails is listed.
run_tests() {
  local preset=$1 dir
  dir=$(build_dir "$1")
  shift
  set -- --test-dir "$dir" --output-on-failure --no-tests=error \
    -j "$(($(nproc) + 1))" "$@"
  if [[ -t 1 ]]; then
    ctest "$@" --progress
  else
    ctest "$@" | grep -vE '^ +Start |   Passed  '
  fi
}

# Our C++ files.
sources() {
  find messages persistence actors dashboard examples tests bench tools \
    -name '*.[ch]pp' 2>/dev/null || true
}

# processor_seconds PROCESS: those of all that it has run and waited for.
processor_seconds() {
  local fields
  read -ra fields <"/proc/$1/stat"
  echo $(((fields[15] + fields[16]) / $(getconf CLK_TCK)))
}

# step NAME COMMAND...: runs a step and remembers how it went, with the seconds
# by the clock and of processors, for `summary`. Off a terminal, where the output
# may be cut before it is read, also what failed in it.
steps=
failures=
step() {
  local name=$1 result=ok began=$SECONDS me=$BASHPID processors log=
  processors=$(processor_seconds "$me")
  shift
  [[ -n $steps ]] || remember_steps
  echo "== $name"
  if [[ -t 1 ]]; then
    "$@" || result=FAILED
  else
    local out tee
    log=$(mktemp)
    exec {out}> >(tee "$log")
    tee=$!
    "$@" >&"$out" 2>&1 || result=FAILED
    exec {out}>&-
    # Not for ever, should a process that was left behind hold its pipe.
    for _ in {1..50}; do
      kill -0 "$tee" 2>/dev/null || break
      sleep 0.02
    done
  fi
  if [[ $result == FAILED && -n $log ]]; then
    { echo && echo "$name:" && signs_of_failure "$log"; } >>"$failures"
  fi
  rm -f ${log:+"$log"}
  processors=$(($(processor_seconds "$me") - processors))
  printf '%-8s %4d s %5d s  %s\n' "$result" $((SECONDS - began)) \
    "$processors" "$name" >>"$steps"
  [[ $result == ok ]]
}

# In files, as steps may be taken by a shell beside this one.
remember_steps() {
  steps=$(mktemp)
  failures=$(mktemp)
  trap 'end_beside; rm -f "$steps" "$failures"' EXIT
}

# beside FUNCTION: takes the steps of that function beside those that follow. What
# they print is shown by `join`.
beside=
beside_output=
beside() {
  [[ -n $steps ]] || remember_steps
  beside_output=$(mktemp)
  set -m # a group of its own, which can be ended
  "$1" >"$beside_output" 2>&1 </dev/null &
  beside=$!
  set +m
}

# join: waits for what was begun with `beside`.
join() {
  wait "$beside" || true
  beside=
  cat "$beside_output"
  rm "$beside_output"
}

# Ends what goes on beside a shell that ends before it.
end_beside() {
  [[ -n $beside ]] || return 0
  kill -- "-$beside" 2>/dev/null || true
  rm -f "$beside_output"
}

# signs_of_failure LOG: the lines that say what failed, or the last ones.
signs_of_failure() {
  grep -E 'VIOLAT|HUNG|CRASHED|MISSED|FAILS WITHOUT|\(Failed\)|Timeout|error:|FAILED' \
    "$1" | cut -c1-300 | awk '!seen[$0]++' | head -n 25 | grep . ||
    tail -n 15 "$1" | cut -c1-300
}

# Prints what the steps did; fails if one of them failed.
summary() {
  printf '\n%-8s %6s %7s  %s\n' "" "time" "cpu" ""
  cat "$steps"
  printf '%-8s %4d s %5d s\n' "all" "$SECONDS" "$(processor_seconds $$)"
  cat "$failures"
  ! grep -q '^FAILED' "$steps"
}
