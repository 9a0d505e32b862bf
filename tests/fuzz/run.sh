#!/bin/sh
# Runs every fuzz target for FUZZ_SECONDS (60) with its seeds. Needs clang. Argument: build directory.
out=${1:-build/release}/fuzz
seconds=${FUZZ_SECONDS:-60}
command -v clang >/dev/null || { echo "make fuzz needs clang and its runtime (clang libclang-rt-14-dev)"; exit 1; }
mkdir -p "$out"
failed=0
for target in tests/fuzz/fuzz_*.c; do
    name=$(basename "$target" .c)
    what=${name#fuzz_}
    # The modules that a target needs stand in its first lines: // modules: base data
    modules=$(sed -n 's|^// modules: ||p' "$target" | head -n 1)
    sources=
    for module in ${modules:-base}; do sources="$sources $(ls src/"$module"/*.c)"; done
    # shellcheck disable=SC2086
    clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -std=c11 -w $CFLAGS \
        -o "$out/$name" "$target" $sources $LIBS || { echo "$name does not build"; failed=1; continue; }
    mkdir -p "$out/corpus-$what"
    seeds=tests/fuzz/seeds/$what
    [ -d "$seeds" ] || seeds=
    echo "$name: ${seconds}s"
    # shellcheck disable=SC2086
    if ! "$out/$name" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -verbosity=0 \
        -print_final_stats=0 -artifact_prefix="$out/$name-" "$out/corpus-$what" $seeds \
        >"$out/$name.log" 2>&1; then
        tail -n 25 "$out/$name.log"
        failed=1
    fi
done
exit $failed
