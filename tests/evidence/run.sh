#!/bin/sh
# SPDX-License-Identifier: MIT
# The study: every search of design.txt, the judgement of `dartboard health` beside it, retrained
# accuracies of a sample of cells, then the scores. Resumable: a search that is there is not run
# again, only judged again.
# usage: run.sh DARTBOARD DIR [searches at a time]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=$1 out=$2 jobs=${3:-2}
mkdir -p "$out/runs"

one() { # group space seed settings
  name=$1-s$3
  [ -e "$out/runs/$name.done" ] || search "$@" || return 1
  # Exit code 3 means that a run collapsed: no failure here.
  "$bin" health "$out/runs/$name" --json >"$out/$name.part" || [ $? -eq 3 ]
  mv "$out/$name.part" "$out/$name.json"
}

search() { # group space seed settings
  rm -rf "$out/runs/$name"
  set -- "$2" "$3" $(echo "$4" | tr ',' ' ')
  space=$1 seed=$2
  shift 2
  for s; do
    shift
    [ "$s" = - ] || set -- "$@" --set "$s"
  done
  nice -n "${NICE:-10}" "$bin" run "$here/$space.lua" --plain --threads 1 --dir "$out/runs" --name "$name" \
    --seed "$seed" "$@" >"$out/runs/$name.out" 2>&1 || { tail -2 "$out/runs/$name.out" >&2; return 1; }
  rm -rf "$out/runs/$name/checkpoints"
  touch "$out/runs/$name.done"
}

retrain() { # run seed genotype
  run=$1 seed=$2 genotype=$3
  file=$out/$run.retrain$seed
  set --
  if [ "$genotype" != - ]; then
    file=$out/$run.good$seed
    set -- --genotype "$genotype"
  fi
  [ -s "$file" ] && return 0
  nice -n "${NICE:-10}" "$bin" retrain "$out/runs/$run" --threads 1 --seed "$seed" "$@" >"$file.part" 2>&1
  mv "$file.part" "$file"
}

if [ "${4:-}" = one ]; then
  shift 4
  one "$@"
  exit
elif [ "${4:-}" = retrain ]; then
  shift 4
  retrain "$@"
  exit
fi

# One seed of every group first, then the next: an early stop leaves a balanced design.
grep -v '^#' "$here/design.txt" | awk 'NF { for (s = 1; s <= $4; s++) print s, $1, $3, $5 }' |
  sort -s -n -k 1,1 | awk '{ print $2, $3, $1, $4 }' |
  xargs -P "$jobs" -n 4 sh "$0" "$bin" "$out" "$jobs" one
python3 "$here/score.py" sample "$out" |
  xargs -P "$jobs" -n 3 sh "$0" "$bin" "$out" "$jobs" retrain
python3 "$here/score.py" score "$out" "$here/results"
