#!/usr/bin/env bash
# Tries the dashboard in a browser, as a person uses it, with programs of a build.
#
# Usage: tests/browser/run.sh BUILD [SCRIPT [ARGUMENT]...]
#        tests/browser/run.sh --install
#
# BUILD is a build folder with site_runtime and waybill; the script, of this
# folder, is dashboard.mjs if none is named. Installs once, below build, what
# package-lock.json names, and nothing else with --install. Ends with 77 where
# there is no browser or no npm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${here%/tests/browser}
root=${root%/build/planted} # that copy is in the tree's own folder
modules=$root/build/browser

skip() {
  echo "skipped: $*" >&2
  exit 77
}

browser=
for name in chromium-headless-shell chromium chromium-browser google-chrome; do
  browser=$(command -v "$name") && break
done
[[ -n $browser ]] || skip "there is no chromium"
command -v npm >/dev/null || skip "there is no npm"

mkdir -p "$modules"
(
  flock 9
  cmp -s "$here/package-lock.json" "$modules/installed.json" && exit
  cp "$here/package.json" "$here/package-lock.json" "$modules"
  npm ci --prefix "$modules" --ignore-scripts --no-audit --no-fund \
    --loglevel=error >&2 &&
    cp "$here/package-lock.json" "$modules/installed.json"
) 9>"$modules/lock" || skip "npm cannot install what package-lock.json names"
[[ $1 != --install ]] || exit 0

build=$(cd "$1" && pwd)
export WAYBILL_BROWSER=$browser WAYBILL_BROWSER_MODULES=$modules
export WAYBILL_COMMAND=$build/tools/waybill
export WAYBILL_SITE_RUNTIME=$build/examples/site_runtime
exec node "$here/${2:-dashboard.mjs}" "${@:3}"
