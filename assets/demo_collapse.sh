#!/bin/sh
# SPDX-License-Identifier: MIT
# sh assets/demo_collapse.sh BIN [DIR]: a DARTS search on handwritten digits collapses to skips, the
# alarm comes first, a fork from the last good epoch with beta-decay does not collapse; both side by
# side. Ends by itself; with a terminal the dashboard opens on both runs at the end.
set -eu
bin=${1:-./dartboard}
dir=${2:-runs/collapse}
seeds=${SEEDS:-3 2 4 5} # plain DARTS collapses in about half of all seeds
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
run=$dir/plain fork=$dir/beta-decay
trap 'rm -f "$dir"/*.csv' EXIT

say() { printf '\n== %s\n' "$*"; }
# Progress of a search: the first epochs, every fifth, and whatever the detector says.
brief() { grep -E --line-buffered '^(run|WATCH|WARN|ALARM|genotype|accuracy|health)|^epoch ([0-4]|[0-9]*[05])/'; }
# Field of the first ALARM in a journal.
alarm() { sed -n '/"level":"ALARM"/s/.*"'"$1"'":\(-\{0,1\}[0-9]*\).*/\1/p' "$run/journal.jsonl" | head -n 1; }
tested() { "$bin" retrain "$1" --threads 1 2>/dev/null | sed -n 's/.*test accuracy: //p'; }

# Ends COLLAPSED (exit code 3) and with no convolution left on any path.
collapsed() {
  ! "$bin" health "$run" >/dev/null &&
    "$bin" export "$run" --csv | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } { depth = $at["cell_conv_depth"] } END { exit depth > 0 }'
}

# Other processors round otherwise and take another way: the first seed that collapses is shown.
for seed in $seeds; do
  rm -rf "$run" "$fork"
  say "1. plain DARTS, seed $seed: 30 epochs on real digits"
  "$bin" run digits-skip --plain --threads 1 --dir "$dir" --name plain --seed "$seed" | brief
  collapsed && break
  echo "seed $seed did not collapse"
done
epoch=$(alarm epoch) good=$(alarm good_epoch)
if [ -z "$epoch" ]; then
  echo "no alarm with the seeds $seeds on this machine" >&2
  exit 1
fi

say "2. the alarm came at epoch $epoch; fork from the last good epoch $good with beta-decay"
"$bin" fork "$run" --at "$good" --set search.beta_decay=50 --plain --threads 1 --dir "$dir" --name beta-decay | brief

say "3. skips in the derived cell (of 6), convolutions on its deepest path, supernet accuracy"
"$bin" export "$run" --csv >"$dir/a.csv"
"$bin" export "$fork" --csv >"$dir/b.csv"
awk -F, -v alarm="$epoch" -v good="$good" '
  function bar(n,  s) { s = ""; while (length(s) < n) s = s "#"; return s }
  FNR == 1 { file++; for (i = 1; i <= NF; i++) at[$i] = i; next }
  { skips[file, $1] = $at["cell_skips"]; depth[file, $1] = $at["cell_conv_depth"]; acc[file, $1] = $at["valid_acc"]; if ($1 > last) last = $1 }
  END {
    printf "%5s   %-6s %5s %5s %9s   %-6s %5s %5s %9s\n", "epoch", "plain", "skips", "depth", "accuracy", "fork", "skips", "depth", "accuracy"
    for (e = 0; e <= last; e++) {
      printf "%5d   %-6s %5d %5d %8.1f%%", e, bar(skips[1, e]), skips[1, e], depth[1, e], 100 * acc[1, e]
      if ((2, e) in skips) printf "   %-6s %5d %5d %8.1f%%", bar(skips[2, e]), skips[2, e], depth[2, e], 100 * acc[2, e]
      if (e == good) printf "   < last good epoch"
      if (e == alarm) printf "   < ALARM"
      if (skips[1, e] == 6 && !full++) printf "   < all skips"
      print ""
    }
  }' "$dir/a.csv" "$dir/b.csv"

say "4. both cells trained from scratch"
printf 'plain       %s\ntest accuracy: %s\n' "$("$bin" export "$run" --genotype)" "$(tested "$run")"
printf 'beta-decay  %s\ntest accuracy: %s\n' "$("$bin" export "$fork" --genotype)" "$(tested "$fork")"

if [ -t 0 ] && [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
  exec "$bin" watch "$dir"
fi
