#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests under AddressSanitizer,
# UBSan and leak checks, and those that no other library takes part in under
# ThreadSanitizer: CAF is not built with it, which makes false reports.
#
# Usage: scripts/sanitizers.sh [--asan | --tsan] [--build-only] [--json FILE]
#                              [--prefix-path DIR]
#        scripts/sanitizers.sh --build-rows
#
# --asan and --tsan run one of the two. --json is for the torture suite, of which
# this is a row; WAYBILL_ASAN_RESULT names what --asan has written to FILE just
# before, which is then not done again. --build-rows builds the suite's program
# that runs with sanitizers, and prints where it is.
source "$(dirname "$0")/lib.sh"

presets=(asan tsan)
build_only=false
build_rows=false
json=
while [[ $# -gt 0 ]]; do
  if prefix_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --asan | --tsan) presets=("${1#--}") ;;
    --build-only) build_only=true ;;
    --build-rows) build_rows=true ;;
    --json) need_value "$@" && json=$(user_path "$2") && shift ;;
    *) refuse "unknown option: $1" ;;
  esac
  shift
done

# Standard output is for the answer of --build-rows.
need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${test_packages[@]}" "${clang_packages[@]}" >&2
if $build_rows; then
  configure asan >&2
  build_quietly asan sanitized_rows >&2
  echo "$PWD/$(build_dir asan)/tests/torture/sanitized_rows"
  exit
fi
for preset in "${presets[@]}"; do
  configure "$preset"
  build_quietly "$preset"
done
$build_only && exit

export UBSAN_OPTIONS=print_stacktrace=1
tried=0
violations=0
figures=
# add TESTS FAILED FIGURE
add() {
  tried=$((tried + $1))
  violations=$((violations + $2))
  figures+="${figures:+, }$3"
}
for preset in "${presets[@]}"; do
  if [[ $preset == asan && -n ${WAYBILL_ASAN_RESULT:-} ]]; then
    result=$(<"$WAYBILL_ASAN_RESULT")
    [[ $result =~ ^'{"tried": '([0-9]+)', "violations": '([0-9]+)', "figures": "'(.*)'"}'$ ]] ||
      die "no result: $WAYBILL_ASAN_RESULT"
    add "${BASH_REMATCH[@]:1}"
    continue
  fi
  log=$(build_dir "$preset")/tests.log
  # The tree itself is looked at where it has no planted bugs in it.
  run_tests "$preset" -E '^tree/' | tee "$log" || true
  # "99% tests passed, 2 tests failed out of 637"
  read -r failed tests < <(
    sed -nE 's/.*, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log"
  ) || die "the tests with $preset did not run"
  add "$tests" "$failed" "$preset $tests tests"
done

[[ -z $json ]] ||
  printf '{"tried": %d, "violations": %d, "figures": "%s"}\n' \
    "$tried" "$violations" "$figures" >"$json"
echo "== sanitizers: $figures, $violations failed"
[[ $violations -eq 0 ]]
