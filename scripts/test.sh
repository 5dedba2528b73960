#!/usr/bin/env bash
# Installs what is missing, builds without warnings, and runs all checks: format,
# tests, lint, the quick torture suite (docs/reliability.md).
#
# Usage: scripts/test.sh [OPTION]...
#
#   --quick             without clang-tidy, the torture suite and sanitizers
#   --full              with all compiled once more by CXX, file by file as users
#                       do, which finds an #include that is missing; and the full
#                       torture suite: takes more than an hour
#   --no-lint           without the format check and clang-tidy
#   --compiler CXX      g++ (default) or clang++; as CXX. It compiles what is
#                       shipped; tests are clang's, with AddressSanitizer and UBSan.
#   --prefix-path DIR   look for CAF and others in DIR first; as CMAKE_PREFIX_PATH
#   --help              this text
source "$(dirname "$0")/lib.sh"

suite=--quick
lint=true
lint_all=()
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --quick) suite= ;;
    --full) suite=--full lint_all=(--all) ;;
    --no-lint) lint=false ;;
    *) refuse "unknown option: $1" ;;
  esac
  shift
done

# The CAF in the folder that was asked for must be the one that is used.
check_caf() {
  [[ -e $prefix_path/include/caf/config.hpp ]] || return 0
  grep -qE "^CAF_(DIR|INCLUDE_DIR):PATH=$prefix_path/" \
    "$(build_dir "$1")/CMakeCache.txt" && return 0
  echo "the build found another CAF than that of $prefix_path" >&2
  return 1
}

# Scripts of their own build with the same compiler and CAF.
other_script() {
  CXX=$compiler CMAKE_PREFIX_PATH=$prefix_path "$@"
}

packages=("${build_packages[@]}" "${example_packages[@]}" "${test_packages[@]}"
  "${clang_packages[@]}")
$lint && packages+=("${lint_packages[@]}")
step "packages" need_packages "${packages[@]}"
step "browser" need_browser || true

if $lint; then
  step "format" scripts/format.sh --check || true
fi

# Twice as long with sanitizers, to build and to run.
flavour=asan
[[ -n $suite ]] || flavour=quick
build_tests() { configure $flavour && check_caf $flavour && build $flavour; }
asan_result=$PWD/build/asan-tests.json
run_built_tests() {
  # Some go through thousands of places at which something may fail.
  local -x WAYBILL_TEST_STRIDE=${WAYBILL_TEST_STRIDE:-5}
  [[ $suite != --full ]] || WAYBILL_TEST_STRIDE=1
  case $flavour in
    asan) other_script scripts/sanitizers.sh --asan --json "$asan_result" ;;
    *) run_tests $flavour ;;
  esac
}

# The torture suite runs with it.
shipped=(messages persistence actors dashboard tools examples)
build_shipped() {
  configure torture && check_caf torture &&
    build torture "${shipped[@]/%//all}" caf_main_host readme_example ${suite:+torture}
}
run_shipped() { run_tests torture -R '^tree/|CAF_MAIN'; }

build_debug() {
  configure debug && build debug all all_verify_interface_header_sets
}

# What waits for neither the tests nor each other's results.
check_what_is_shipped() {
  if step "build what is shipped" build_shipped; then
    step "what is shipped" run_shipped || true
    if [[ $suite == --full ]] && step "build with $compiler" build_debug; then
      step "tests with $compiler" run_tests debug || true
    fi
    if $lint && [[ -n $suite ]]; then
      step "lint" other_script scripts/lint.sh ${lint_all[@]+"${lint_all[@]}"} || true
    fi
    [[ -z $suite ]] ||
      step "build for torture" other_script scripts/torture.sh "$suite" --build-only || true
  fi
}

# Two builds at a time, each of which has half of the processors to wait for.
CMAKE_BUILD_PARALLEL_LEVEL=$(nproc)
export CMAKE_BUILD_PARALLEL_LEVEL
echo "== beside the tests: what is shipped, shown when both have ended"
beside check_what_is_shipped
if step "build the tests" build_tests; then
  step "tests" run_built_tests || true
fi
join
if [[ -n $suite ]] && ! grep -qE '^FAILED .* s  build' "$steps"; then
  # Which need not run those tests once more.
  [[ ! -e $asan_result ]] || export WAYBILL_ASAN_RESULT=$asan_result
  step "torture" other_script scripts/torture.sh "$suite" || true
fi

summary
