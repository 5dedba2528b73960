#!/usr/bin/env bash
# Runs clang-tidy over the sources of libraries and examples that a build folder
# compiles; the tests' macros would take longer than all the rest. One that
# passed is left out until it, one of our headers in it, its compile command or
# the checks change.
#
# Usage: scripts/lint.sh [BUILD_DIR]   (a built one; default: build/debug)
source "$(dirname "$0")/lib.sh"

dir=${1:-build/debug}
[[ -e $dir/compile_commands.json ]] || die "$dir is not built"
clang_tidy=$(command -v clang-tidy-14 || command -v clang-tidy) ||
  die "clang-tidy is missing"
passed=$dir/lint
mkdir -p "$passed"

# Prints "SOURCE FILE" for each of our files that SOURCE is compiled from, as
# the compiler told Ninja; an object's first dependency is its source.
dependencies() {
  ninja -C "$dir" -t deps | awk -v root="$PWD/" '
    /^[^ ]/ { source = "" }
    /^ / { file = $1; if (source == "") source = file
           if (index(file, root) == 1) print source, file }'
}

# key SOURCE: changes with everything that the verdict on SOURCE depends on.
key() {
  {
    "$clang_tidy" --version
    cat .clang-tidy
    grep -B 1 -F "\"file\": \"$1\"" "$dir/compile_commands.json"
    awk -v source="$1" '$1 == source { print $2 }' <<<"$all_dependencies" |
      sort -u | xargs -d '\n' sha256sum "$1"
  } | sha256sum | cut -d' ' -f1
}

lint() {
  local output
  if output=$("$clang_tidy" -p "$dir" --quiet "$2" 2>&1); then
    touch "$passed/$1"
    echo "ok      ${2#"$PWD"/}"
  else
    echo "FAILED  ${2#"$PWD"/}"
    grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' \
      <<<"$output"
    return 1
  fi
}
export -f lint
export clang_tidy dir passed

all_dependencies=$(dependencies)
sed -nE 's/^ *"file": "(.*)",?$/\1/p' "$dir/compile_commands.json" |
  grep "^$PWD/" | grep -vE "^$PWD/(build|tests)/" | sort -u |
  while read -r source; do
    key=$(key "$source")
    [[ -e $passed/$key ]] || echo "$key $source"
  done |
  xargs -r -P "$(nproc)" -L 1 bash -c 'lint "$@"' lint
