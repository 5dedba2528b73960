#!/usr/bin/env bash
# Takes the pictures of docs/dashboard.md: each page, light and dark, of a store
# made for that, beside a service.
#
# Usage: scripts/screenshots.sh [FOLDER]
#
# They are put into FOLDER, docs/dashboard if none is named, with few colours.
source "$(dirname "$0")/lib.sh"
[[ $# -le 1 && ${1:-} != -* ]] || refuse "unknown option: $*"
folder=$(user_path "${1:-$PWD/docs/dashboard}")

need_packages "${build_packages[@]}" "${example_packages[@]}" \
  "${test_packages[@]}" "${browser_packages[@]}" fonts-liberation pngquant
configure quick
build_quietly quick site_runtime waybill_command sample_store

mkdir -p "$folder"
dir=$PWD/$(build_dir quick)
tests/browser/run.sh "$dir" screenshots.mjs \
  "$dir/tests/sample_store" "$folder"
pngquant --force --ext .png --strip --speed 1 --nofs 40 "$folder"/*.png
ls -l --block-size=K "$folder"/*.png | awk '{ print $5, $NF }'
