#!/usr/bin/env bash
# Compiles each public header by itself, and runs clang-tidy over the sources of
# libraries, tools and examples; the tests' macros would take longer than all
# the rest. It reads many sources as one, as a unity build compiles them: most
# of the time goes into the headers of others. What passed is left out until one
# of the sources that are read as one, a header of ours below them, or the
# checks change; so is what has not changed since the commit that scripts/linted
# names, of which all passed.
#
# Usage: scripts/lint.sh [--all] [--record] [--prefix-path DIR]
#
#   --all               all of it
#   --record            if all passes, write the commit to scripts/linted
source "$(dirname "$0")/lib.sh"

all=false
record=false
while [[ $# -gt 0 ]]; do
  if prefix_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --all) all=true ;;
    --record) record=true ;;
    *) refuse "unknown option: $1" ;;
  esac
  shift
done
if $record && [[ -n $(git status --porcelain) ]]; then
  die "there is what is not committed: commit it, then record the commit"
fi

need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${clang_packages[@]}" "${lint_packages[@]}"
configure lint

# Fails unless all is to be read; prints what has changed since that commit.
changed_files() {
  local linted
  ! $all && linted=$(cat scripts/linted 2>/dev/null) &&
    git merge-base --is-ancestor "$linted" HEAD 2>/dev/null &&
    git diff --quiet "$linted" -- .clang-tidy scripts/lint.sh cmake \
      CMakePresets.json '*CMakeLists.txt' &&
    git diff --name-only "$linted" &&
    git ls-files --others --exclude-standard
}
changed=
knows_changes=false
! changed=$(changed_files) || knows_changes=true

# has_changed FILE...: whether one of them may have since then.
has_changed() {
  $knows_changes || return 0
  printf '%s\n' "$@" | grep -qxFf <(printf '%s\n' "$changed")
}

mapfile -t headers < <(find messages persistence actors -name '*.hpp')
if has_changed "${headers[@]}"; then
  build_quietly lint all_verify_interface_header_sets
fi
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
  local folders=(messages persistence actors dashboard tools examples)
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
    mapfile -t sources < <(members "$file" | sed "s|^$PWD/||")
    mapfile -t -O ${#sources[@]} sources < <(headers_of "${sources[@]}")
    ! has_changed "${sources[@]}" ||
      echo "$(members "$file" | xargs -d '\n' cat | wc -c) $file"
  done | sort -rn | while read -r _ file; do
    key=$(key "$file")
    [[ -e $passed/$key ]] || echo "$key $file"
  done | xargs -r -P "$(nproc)" -L 1 bash -c 'lint "$@"' lint

if $record; then
  git rev-parse HEAD >scripts/linted
  echo "recorded; commit scripts/linted"
fi
