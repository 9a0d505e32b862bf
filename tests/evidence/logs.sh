#!/bin/sh
# SPDX-License-Identifier: MIT
# Public logs against their truth; skipped where the folder of logs is absent.
# usage: logs.sh DARTBOARD [DATA]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=${2:-${DARTBOARD_LOGS:-$here/../../../shared/data/logs}}
[ -r "$data/truth.csv" ] || { echo "logs: no truth.csv in $data: skipped"; exit 0; }
exec python3 "$here/logs.py" "$1" "$data"
