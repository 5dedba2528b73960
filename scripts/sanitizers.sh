#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests under AddressSanitizer,
# UBSan and leak checks, and those that no other library takes part in under
# ThreadSanitizer: CAF is not built with it, which makes false reports.
#
# Usage: scripts/sanitizers.sh [--build-only] [--json FILE] [--compiler CXX]
#                              [--prefix-path DIR]
#
# --json is for the torture suite, of which this is a row. A file named by
# WAYBILL_SANITIZERS_DONE holds that result already: then nothing is run again.
source "$(dirname "$0")/lib.sh"

build_only=false
json=
while [[ $# -gt 0 ]]; do
  case $1 in
    --build-only) build_only=true ;;
    --json) json=$(realpath "${2:?needs a file}") && shift ;;
    --prefix-path)
      prefix_path=$(cd "$start_dir" && realpath -e "${2:?needs a folder}")
      shift
      ;;
    --compiler) compiler=${2:?needs a compiler} && shift ;;
    *) die "unknown option: $1" ;;
  esac
  shift
done

if [[ -s ${WAYBILL_SANITIZERS_DONE:-} ]]; then
  [[ -z $json ]] || cp "$WAYBILL_SANITIZERS_DONE" "$json"
  grep -q '"violations": 0' "$WAYBILL_SANITIZERS_DONE"
  exit
fi

need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${test_packages[@]}"
for preset in asan tsan; do
  configure "$preset"
  build "$preset" >"$(build_dir "$preset")/build.log" || {
    tail -n 40 "$(build_dir "$preset")/build.log"
    die "the $preset build fails"
  }
done
$build_only && exit

export UBSAN_OPTIONS=print_stacktrace=1
tried=0
violations=0
figures=
for preset in asan tsan; do
  log=$(build_dir "$preset")/tests.log
  ctest --test-dir "$(build_dir "$preset")" --output-on-failure \
    --no-tests=error -j "$(nproc)" >"$log" 2>&1 ||
    { grep -vE '^ +Start |   Passed  ' "$log" || true; }
  # "98% tests passed, 2 tests failed out of 120"
  read -r failed all < <(sed -nE \
    's/.* ([0-9]+) tests failed out of ([0-9]+)/\1 \2/p' "$log") ||
    { failed=1 && all=0; }
  tried=$((tried + all))
  violations=$((violations + failed))
  figures+="${figures:+, }$preset $all tests, $failed failed"
done

[[ -z $json ]] ||
  printf '{"tried": %d, "violations": %d, "figures": "%s"}\n' \
    "$tried" "$violations" "$figures" >"$json"
echo "== sanitizers: $figures"
[[ $violations -eq 0 ]]
