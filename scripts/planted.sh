#!/usr/bin/env bash
# Plants bugs in a copy of waybill, one at a time, and runs the tests that are to
# catch each: a test suite is worth what it catches.
#
# Usage: scripts/planted.sh [--rows] [--build-only] [--json FILE]
#                           [--compiler CXX] [--prefix-path DIR] [NAME...]
#
# tests/planted/NAME.patch is a bug: what it does, which tests are to catch it,
# and which rows of the torture suite (those run with --rows), the patch. All
# are compiled into one build and switched on by the environment. --json is for
# the torture suite, of which this is a row.
source "$(dirname "$0")/lib.sh"

build_only=false
rows=false
json=
names=()
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --build-only) build_only=true ;;
    --rows) rows=true ;;
    --json) json=$(realpath "${2:?needs a file}") && shift ;;
    -*) die "unknown option: $1" ;;
    *) names+=("$1") ;;
  esac
  shift
done
if [[ ${#names[@]} -eq 0 ]]; then
  for patch in tests/planted/*.patch; do
    names+=("$(basename "$patch" .patch)")
  done
fi

need_packages "${build_packages[@]}" "${test_packages[@]}" \
  "${example_packages[@]}" patch
dir=$(build_dir planted)

# The mutated sources are made anew, but what has not changed keeps its time, so
# that only the rest is compiled again.
fresh=$dir/fresh
rm -rf "$fresh"
mkdir -p "$fresh" "$dir/sources"
cp -r CMakeLists.txt cmake messages persistence actors tests "$fresh"
for patch in tests/planted/*.patch; do
  # Each by itself must fit where it is to go: one that is taken for similar may
  # land elsewhere. Neighbours may then change each other's surroundings.
  {
    patch -p1 --dry-run --batch --fuzz=0 <"$patch" &&
      patch -d "$fresh" -p1 --batch --no-backup-if-mismatch <"$patch"
  } >"$dir/patch.log" 2>&1 || {
    cat "$dir/patch.log" >&2
    die "$patch does not apply any more: mend it, or plant the bug elsewhere"
  }
done
(cd "$fresh" && find . -type f) | while read -r file; do
  cmp -s "$fresh/$file" "$dir/sources/$file" && continue
  mkdir -p "$dir/sources/$(dirname "$file")"
  cp "$fresh/$file" "$dir/sources/$file"
done
(cd "$dir/sources" && find . -type f) | while read -r file; do
  [[ -e $fresh/$file ]] || rm "$dir/sources/$file"
done

echo "== building with ${#names[@]} planted bugs"
if [[ ! -e $dir/build/build.ninja ]]; then
  cmake -S tests/planted -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_UNITY_BUILD=ON \
    -DCMAKE_CXX_COMPILER="$compiler" \
    -DWAYBILL_SOURCES="$PWD/$dir/sources" \
    ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} \
    ${prefix_path:+-DCMAKE_PREFIX_PATH="$prefix_path"} >"$dir/configure.log" ||
    die "cannot configure; see $dir/configure.log"
fi
targets=(planted_tests)
$rows && targets+=(torture sanitized_rows)
cmake --build "$dir/build" --target "${targets[@]}" >"$dir/build.log" || {
  tail -n 40 "$dir/build.log"
  die "the mutated build fails"
}
$build_only && exit

tests=$dir/build/planted_tests
# A pattern that matches no test catches nothing, and so is told.
run() { timeout 30 "$tests" "$2" >"$dir/$1.log" 2>&1; }

# A row ends well without the bug in every run of the suite.
torture=$dir/build/torture
export WAYBILL_SANITIZED_ROWS=$PWD/$torture/sanitized_rows
run_row() {
  "$torture/torture" --only "$2" --stop-at-first --seed "$seed" \
    >"$dir/$1.log" 2>&1
}
seed=${WAYBILL_TEST_SEED:-$RANDOM}
$rows && echo "== seed $seed"

missed=0
caught=
for name in "${names[@]}"; do
  by=$(sed -n 's/^Caught by: //p' "tests/planted/$name.patch")
  what=$(sed -n 's/^Plants: //p' "tests/planted/$name.patch")
  printf '%s: %s\n' "$name" "$what"
  # Each test that is to catch it must.
  is_caught=true
  while read -r test; do
    pattern=${test//,/\\,}
    export WAYBILL_PLANTED=
    if ! run "$name" "$pattern"; then
      verdict="FAILS WITHOUT THE BUG"
      is_caught=false
    elif export WAYBILL_PLANTED=$name && run "$name" "$pattern"; then
      verdict=MISSED
      is_caught=false
    else
      verdict=caught
      caught+="${caught:+; }$name by '${test//\"/}'"
    fi
    printf '  %s by: %s\n' "$verdict" "$test"
  done <<<"$by"
  if $rows; then
    export WAYBILL_PLANTED=$name
    for row in $(sed -n 's/^Caught by rows: //p' "tests/planted/$name.patch"); do
      began=$SECONDS
      verdict=MISSED
      # A row that only crashes, hangs or cannot run has caught nothing.
      if run_row "$name" "$row" || ! grep -q VIOLATION: "$dir/$name.log"; then
        is_caught=false
      else
        verdict=caught
        caught+=" and row $row"
      fi
      printf '  %s by row: %s (%d s)\n' "$verdict" "$row" $((SECONDS - began))
    done
  fi
  $is_caught || missed=$((missed + 1))
done

[[ -z $json ]] ||
  printf '{"tried": %d, "violations": %d, "figures": "%s"}\n' \
    "${#names[@]}" "$missed" "$caught" >"$json"
echo "== planted bugs: ${#names[@]}, not caught: $missed"
[[ $missed -eq 0 ]]
