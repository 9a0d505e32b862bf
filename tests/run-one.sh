#!/bin/sh
# Runs one test program and shows its output only when it fails; the closing line always.
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if "$@" >"$log" 2>&1; then
    grep -E '^\[  PASSED  \]' "$log" | sed "s|^|$(basename "$1"): |" | tail -n 1
else
    rc=$?
    cat "$log"
    echo "FAILED: $* (exit $rc)"
    exit 1
fi
