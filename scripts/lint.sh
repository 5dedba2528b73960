#!/usr/bin/env bash
# Runs clang-tidy over the sources of libraries, tools and examples; the tests'
# macros would take longer than all the rest. It reads many sources as one, as
# a unity build compiles them: most of the time goes into the headers of
# others. What passed is left out until a source, a header or the checks change.
#
# Usage: scripts/lint.sh [--compiler CXX] [--prefix-path DIR]
source "$(dirname "$0")/lib.sh"

while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  die "unknown option: $1"
done

need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${lint_packages[@]}"
configure lint
dir=$PWD/$(build_dir lint)
clang_tidy=$(command -v clang-tidy-14 || command -v clang-tidy) ||
  die "clang-tidy is missing"
passed=$dir/passed
mkdir -p "$passed"

# members FILE: the sources that a file of the unity build is made of.
members() {
  case $1 in
    */Unity/*) sed -nE 's/^#include "(.*)"$/\1/p' "$1" ;;
    *) echo "$1" ;;
  esac
}

# key FILE: changes with everything of ours that the verdict depends on.
key() {
  {
    "$clang_tidy" --version
    grep -B 1 -F "\"file\": \"$1\"" "$dir/compile_commands.json"
    sha256sum .clang-tidy
    sources | grep 'hpp$' | sort | xargs -d '\n' sha256sum
    members "$1" | xargs -d '\n' sha256sum
  } | sha256sum | cut -d' ' -f1
}

# A unity build's own file includes sources.
lint() {
  local output shown
  shown=$(members "$2" | sed "s|^$PWD/||" | paste -sd ' ')
  if output=$("$clang_tidy" -p "$dir" --quiet \
    --checks=-bugprone-suspicious-include "$2" 2>&1); then
    touch "$passed/$1"
    echo "ok      $shown"
  else
    echo "FAILED  $shown"
    grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' \
      <<<"$output"
    return 1
  fi
}
export -f lint members
export clang_tidy dir passed

# The largest first, so that no processor waits for another at the end.
sed -nE 's/^ *"file": "(.*)",?$/\1/p' "$dir/compile_commands.json" |
  grep -v _verify_interface_header_sets | sort -u |
  while read -r file; do
    echo "$(members "$file" | xargs -d '\n' cat | wc -c) $file"
  done | sort -rn | while read -r _ file; do
    key=$(key "$file")
    [[ -e $passed/$key ]] || echo "$key $file"
  done | xargs -r -P "$(nproc)" -L 1 bash -c 'lint "$@"' lint
