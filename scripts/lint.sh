#!/usr/bin/env bash
# Compiles each public header by itself, and runs clang-tidy over the sources of
# libraries, tools and examples; the tests' macros would take longer than all
# the rest. It reads many sources as one, as a unity build compiles them: most
# of the time goes into the headers of others. What passed is left out until one
# of the sources that are read as one, a header of ours below them, or the
# checks change; --all reads it again.
#
# Usage: scripts/lint.sh [--all] [--prefix-path DIR]
source "$(dirname "$0")/lib.sh"

all=false
while [[ $# -gt 0 ]]; do
  if prefix_option "$@"; then
    shift 2
    continue
  fi
  [[ $1 == --all ]] || refuse "unknown option: $1"
  all=true
  shift
done

need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${clang_packages[@]}" "${lint_packages[@]}"
configure lint
build_quietly lint all_verify_interface_header_sets
dir=$PWD/$(build_dir lint)
clang_tidy=$(command -v clang-tidy-14 || command -v clang-tidy) ||
  die "clang-tidy is missing"
passed=$dir/passed
! $all || rm -rf "$passed"
mkdir -p "$passed"

# members FILE: the sources that a file of the unity build is made of.
members() {
  case $1 in
    */Unity/*) sed -nE 's/^#include "(.*)"$/\1/p' "$1" ;;
    *) echo "$1" ;;
  esac
}

# headers_of FILE...: headers of ours that these include, directly or not.
headers_of() {
  local folders=(messages persistence actors tools examples)
  local -A seen=()
  local name folder found=("$@")
  while [[ ${#found[@]} -gt 0 ]]; do
    local next=()
    while read -r name; do
      for folder in "${folders[@]}"; do
        [[ -e $folder/$name && -z ${seen[$folder/$name]:-} ]] || continue
        seen[$folder/$name]=1
        next+=("$folder/$name")
      done
    done < <(sed -nE 's/^# *include "(.*)"$/\1/p' "${found[@]}" | sort -u)
    found=(${next[@]+"${next[@]}"})
  done
  [[ ${#seen[@]} -eq 0 ]] || printf '%s\n' "${!seen[@]}" | sort
}

# key FILE: changes with everything of ours that the verdict depends on.
key() {
  local sources
  mapfile -t sources < <(members "$1")
  {
    "$clang_tidy" --version
    grep -B 1 -F "\"file\": \"$1\"" "$dir/compile_commands.json"
    sha256sum .clang-tidy "${sources[@]}"
    headers_of "${sources[@]}" | xargs -r -d '\n' sha256sum
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
