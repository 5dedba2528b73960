#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests under AddressSanitizer,
# UBSan and leak checks, and those that no other library takes part in under
# ThreadSanitizer: CAF is not built with it, which makes false reports.
#
# Usage: scripts/sanitizers.sh [--build-only] [--json FILE] [--compiler CXX]
#                              [--prefix-path DIR]
#        scripts/sanitizers.sh --build-rows
#
# --json is for the torture suite, of which this is a row. --build-rows builds
# the suite's program that runs with sanitizers, and prints where it is.
source "$(dirname "$0")/lib.sh"

# Takes a quarter of the time that g++ takes with these.
compiler=clang++
build_only=false
build_rows=false
json=
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --build-only) build_only=true ;;
    --build-rows) build_rows=true ;;
    --json) json=$(realpath "${2:?needs a file}") && shift ;;
    *) die "unknown option: $1" ;;
  esac
  shift
done

# Standard output is for the answer of --build-rows.
need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${test_packages[@]}" >&2
if $build_rows; then
  configure asan >&2
  build_quietly asan sanitized_rows >&2
  echo "$PWD/$(build_dir asan)/tests/torture/sanitized_rows"
  exit
fi
for preset in asan tsan; do
  configure "$preset"
  build_quietly "$preset"
done
$build_only && exit

# Each program whole: a process for each test would spend its time on starting.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
run() {
  local preset=$1 program=$2
  local log=$scratch/$preset-${program##*/}.log
  mkdir "$log.d"
  if (cd "$log.d" && exec timeout 600 "$program" >"$log" 2>&1); then
    echo "ok      $preset ${program##*/}"
  else
    echo "FAILED  $preset ${program##*/}"
    cat "$log"
    mv "$log" "$log.failed"
  fi
}
export -f run
export scratch UBSAN_OPTIONS=print_stacktrace=1

for preset in asan tsan; do
  find "$PWD/$(build_dir "$preset")/tests" -maxdepth 1 -type f -perm -u+x \
    '(' -name 'test_*' -o -name caf_main_host -o -name readme_example ')' \
    -printf "$preset %p\n"
done | xargs -P "$(nproc)" -L 1 bash -c 'run "$@"' run

# "All tests passed (70933 assertions in 144 test cases)"
tests_of() {
  cat "$scratch/$1"-*.log | sed -nE 's/.* in ([0-9]+) test cases?\)$/\1/p' |
    awk "{ n += \$1 } END { print n + 0 }"
}
tried=0
figures=
for preset in asan tsan; do
  tests=$(tests_of "$preset")
  tried=$((tried + $tests))
  figures+="${figures:+, }$preset $tests tests"
done
violations=$(find "$scratch" -name '*.failed' | wc -l)
figures+=", $violations programs failed"

[[ -z $json ]] ||
  printf '{"tried": %d, "violations": %d, "figures": "%s"}\n' \
    "$tried" "$violations" "$figures" >"$json"
echo "== sanitizers: $figures"
[[ $violations -eq 0 ]]
