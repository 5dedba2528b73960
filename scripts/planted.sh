#!/usr/bin/env bash
# Plants bugs in a copy of waybill, one at a time, and runs the tests that are to
# catch each: a test suite is worth what it catches.
#
# Usage: scripts/planted.sh [--rows] [--build-only] [--json FILE]
#                           [--prefix-path DIR] [NAME...]
#
# tests/planted/NAME.patch is a bug: what it does, which tests are to catch it,
# and which rows of the torture suite (those run with --rows), the patch. All
# are compiled into the build with AddressSanitizer and switched on by the
# environment. --json is for the torture suite, of which this is a row.
source "$(dirname "$0")/lib.sh"

build_only=false
rows=false
json=
names=()
while [[ $# -gt 0 ]]; do
  if prefix_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --build-only) build_only=true ;;
    --rows) rows=true ;;
    --json) need_value "$@" && json=$(user_path "$2") && shift ;;
    -*) refuse "unknown option: $1" ;;
    *)
      [[ -e tests/planted/$1.patch ]] || refuse "unknown bug: $1"
      names+=("$1")
      ;;
  esac
  shift
done
if [[ ${#names[@]} -eq 0 ]]; then
  for patch in tests/planted/*.patch; do
    names+=("$(basename "$patch" .patch)")
  done
fi

# lines_of KEY PATCH...: what stands behind `KEY: ` in them.
lines_of() { sed -n "s/^$1: //p" "${@:2}"; }

need_packages "${build_packages[@]}" "${test_packages[@]}" \
  "${example_packages[@]}" "${clang_packages[@]}"
configure asan
echo "== building with ${#names[@]} planted bugs"
build=$(build_dir asan)
dir=$build/caught
mkdir -p "$dir"
areas=(messages persistence actors dashboard)
targets=("${areas[@]/#/test_}")
$rows && targets+=(torture sanitized_rows)
build_quietly asan "${targets[@]}"
$build_only && exit

# Each test is to pass without its bug, unless all of them are known to.
unproven=true
[[ -z ${WAYBILL_ASAN_RESULT:-} ]] ||
  ! grep -q '"violations": 0' "$WAYBILL_ASAN_RESULT" || unproven=false

seed=${WAYBILL_TEST_SEED:-$RANDOM}
$rows && echo "== seed $seed"
torture=$PWD/$build/tests/torture
export WAYBILL_SANITIZED_ROWS=$torture/sanitized_rows
export build dir rows seed torture unproven

# Which program has which test; a name that none has catches nothing.
for area in "${areas[@]}"; do
  # Catch2 2 ends with the number of names.
  { "$build/tests/test_$area" --list-test-names-only || true; } |
    sed "s|^|$build/tests/test_$area |"
done >"$dir/tests"

# run_test NAME LOG: whether that test passes.
run_test() {
  local program
  program=$(awk -v name="$1" 'substr($0, index($0, " ") + 1) == name \
    { print $1 }' "$dir/tests")
  [[ -n $program ]] && timeout 60 "$program" "${1//,/\\,}" >"$2" 2>&1
}

# A row ends well without the bug in every run of the suite.
run_row() {
  "$torture/torture" --only "$1" --stop-at-first --seed "$seed" >"$2" 2>&1
}

# try_bug NAME: each test (and row) that is to catch it must. Leaves a line
# about what did in NAME.caught; NAME.log has what the last of them printed.
try_bug() {
  local name=$1 patch=tests/planted/$1.patch log=$dir/$1.log
  local test row verdict began is_caught=true caught=
  local found
  found="$name: $(lines_of Plants "$patch")"
  while read -r test; do
    if $unproven && ! WAYBILL_PLANTED='' run_test "$test" "$log"; then
      verdict="FAILS WITHOUT THE BUG"
      is_caught=false
    elif WAYBILL_PLANTED=$name run_test "$test" "$log"; then
      verdict=MISSED
      is_caught=false
    else
      verdict=caught
      caught+="${caught:+; }$name by '${test//\"/}'"
    fi
    found+=$'\n'"  $verdict by: $test"
  done < <(lines_of "Caught by" "$patch")
  if $rows; then
    for row in $(lines_of "Caught by rows" "$patch"); do
      began=$SECONDS
      # A row that only crashes, hangs or cannot run has caught nothing.
      if WAYBILL_PLANTED=$name run_row "$row" "$log" ||
        ! grep -q VIOLATION: "$log"; then
        verdict=MISSED
        is_caught=false
      else
        verdict=caught
        caught+=" and row $row"
      fi
      found+=$'\n'"  $verdict by row: $row ($((SECONDS - began)) s)"
    done
  fi
  echo "$found"
  rm -f "$dir/$name.caught"
  ! $is_caught || echo "$caught" >"$dir/$name.caught"
}
export -f run_test run_row lines_of try_bug

# Tests whose bug lets them hang mostly wait; rows take what processors there are.
at_a_time=$((2 * $(nproc)))
$rows && at_a_time=1
printf '%s\n' "${names[@]}" |
  xargs -P "$at_a_time" -I{} bash -c 'try_bug "$@"' try_bug {}

missed=0
caught=
for name in "${names[@]}"; do
  if [[ -e $dir/$name.caught ]]; then
    caught+="${caught:+; }$(<"$dir/$name.caught")"
  else
    missed=$((missed + 1))
  fi
done
[[ -z $json ]] ||
  printf '{"tried": %d, "violations": %d, "figures": "%s"}\n' \
    "${#names[@]}" "$missed" "$caught" >"$json"
echo "== planted bugs: ${#names[@]}, not caught: $missed"
[[ $missed -eq 0 ]]
