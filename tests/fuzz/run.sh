#!/bin/sh
# Runs fuzz targets for FUZZ_SECONDS (60) each with their seeds. Needs clang.
# Arguments: work directory, compiler flags (with the shell's quotes), libraries, then
# TARGET:SOURCES for every target.
out=$1 flags=$2 libs=$3
shift 3
seconds=${FUZZ_SECONDS:-60}
command -v clang >/dev/null || { echo "make fuzz needs clang and its runtime: clang libclang-rt-14-dev"; exit 1; }
mkdir -p "$out"
failed=0
for entry in "$@"; do
    name=${entry%%:*}
    sources=${entry#*:}
    eval "clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -std=c11 -w $flags" \
        "-o '$out/$name' tests/fuzz/fuzz_$name.c $sources $libs" || { echo "$name does not build"; failed=1; continue; }
    mkdir -p "$out/corpus-$name"
    seeds=tests/fuzz/seeds/$name
    [ -d "$seeds" ] || seeds=
    echo "$name: ${seconds} s"
    # shellcheck disable=SC2086
    if ! "$out/$name" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 \
        -artifact_prefix="$out/$name-" "$out/corpus-$name" $seeds >"$out/$name.log" 2>&1; then
        tail -n 25 "$out/$name.log"
        failed=1
    fi
done
exit $failed
