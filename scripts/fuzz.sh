#!/usr/bin/env bash
# Installs what is missing, builds, and fuzzes what reads text from outside.
#
# Usage: scripts/fuzz.sh [--build-only] [--seconds N] [--seed N] [--json FILE]
#                        [--prefix-path DIR] [TARGET...]
#
# Each target (message_json, texts, options; default: all) runs N seconds
# (default 60) from the seeds in tests/fuzz/corpus and, unless --seed is given,
# what earlier runs have found. An input that breaks something is kept in the
# build folder. --json is for the torture suite, of which this is a row.
source "$(dirname "$0")/lib.sh"

build_only=false
seconds=60
seed=$RANDOM
repeats=false
json=
targets=()
while [[ $# -gt 0 ]]; do
  if prefix_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --build-only) build_only=true ;;
    --seconds) need_value "$@" && seconds=$2 && shift ;;
    --seed) need_value "$@" && seed=$2 repeats=true && shift ;;
    --json) need_value "$@" && json=$(user_path "$2") && shift ;;
    -*) refuse "unknown option: $1" ;;
    *)
      [[ -e tests/fuzz/$1.cpp ]] || refuse "unknown target: $1"
      targets+=("$1")
      ;;
  esac
  shift
done
[[ ${#targets[@]} -gt 0 ]] ||
  targets=(message_json texts options)

need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${test_packages[@]}" "${clang_packages[@]}"
configure asan
build_quietly asan "${targets[@]/#/fuzz_}"
$build_only && exit
programs=$(build_dir asan)/tests/fuzz
dir=build/fuzz
found_in=$dir/found
if $repeats; then
  found_in=$(mktemp -d)
  trap 'rm -rf "$found_in"' EXIT
fi

mkdir -p "$dir"
runs=0
crashes=0
figures=
for target in "${targets[@]}"; do
  found=$found_in/$target
  mkdir -p "$found"
  echo "== fuzz $target: $seconds s, seed $seed"
  log=$dir/$target.log
  broke=false
  if ! "$programs/fuzz_$target" -max_total_time="$seconds" \
    -seed="$seed" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$dir/$target-" "$found" "tests/fuzz/corpus/$target" \
    >"$log" 2>&1; then
    broke=true
  fi
  count=$(sed -nE 's/^stat::number_of_executed_units: +//p' "$log")
  if $broke || [[ ${count:-0} -eq 0 ]]; then
    crashes=$((crashes + 1))
    tail -n 40 "$log"
  fi
  runs=$((runs + ${count:-0}))
  figures+="${figures:+, }$target ${count:-0} runs"
done

[[ -z $json ]] ||
  printf '{"tried": %d, "violations": %d, "figures": "%s"}\n' \
    "$runs" "$crashes" "$figures, $seconds s each" >"$json"
echo "== fuzz: $runs inputs, $crashes targets failed"
[[ $crashes -eq 0 ]]
