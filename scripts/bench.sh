#!/usr/bin/env bash
# Installs what is missing, builds optimized, and measures waybill against plain
# SQLite; see docs/performance.md. Prints a line `ratio NAME VALUE GOAL ok|short`
# for each goal, writes JSON and plots.
#
# Usage: scripts/bench.sh [OPTION]...
#
#   --quick             less than two minutes; a full run takes about twenty
#   --list              say which lines there are, and end
#   --only NAME,...     only these lines
#   --repeats N         pairs of runs for each ratio
#   --out DIR           where the JSON goes; default: docs/performance for a full
#                       run of all lines, build/bench/results otherwise. Plots go
#                       there too, but for those of another CAF.
#   --compiler CXX      g++ (default) or clang++; as CXX
#   --prefix-path DIR   look for CAF and others in DIR first
source "$(dirname "$0")/lib.sh"

bench_packages=(libcli11-dev libbenchmark-dev gnuplot-nox)

arguments=()
out=
quick=false
partial=false
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --out) need_value "$@" && out=$(user_path "$2") && shift ;;
    --quick) quick=true arguments+=("$1") ;;
    --list) partial=true arguments+=("$1") ;;
    --only | --repeats)
      need_value "$@"
      [[ $1 != --only ]] || partial=true
      arguments+=("$1" "$2")
      shift
      ;;
    *) refuse "unknown option: $1" ;;
  esac
  shift
done

{
  need_packages "${build_packages[@]}" "${bench_packages[@]}"
  configure bench
  build bench waybill_bench waybill_bench_micro
} >&2

dir=$(build_dir bench)
if [[ -z $out ]]; then
  out=$dir/results
  $quick || $partial || out=docs/performance
fi

# Each CAF has its own JSON; the plots show the default one's.
name=bench
[[ -z $prefix_path ]] || name=bench-other-caf

mkdir -p "$out" "$dir/results"
plots=$out
if [[ -n $prefix_path ]]; then
  plots=$dir/results
  rm -f "$plots/$name.json"
fi
result=0
"$dir/bench/waybill_bench" --scratch "$dir" --out "$plots" --name "$name" \
  ${arguments[@]+"${arguments[@]}"} || result=$?
if [[ $plots != "$out" && -f $plots/$name.json ]]; then
  cp "$plots/$name.json" "$out"
fi
$partial && exit $result

# Micro figures: one step of a request by itself.
(cd "$dir" && bench/waybill_bench_micro \
  --benchmark_min_time="$($quick && echo 0.1 || echo 1)" \
  --benchmark_out=results/micro.json --benchmark_out_format=json) || result=$?

if command -v gnuplot >/dev/null; then
  gnuplot -e "folder='$plots'" bench/plots.gp || result=$?
else
  echo "no gnuplot: no plots" >&2
fi
echo "results: $out" >&2
exit $result
