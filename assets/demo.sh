#!/bin/sh
# SPDX-License-Identifier: MIT
# sh assets/demo.sh BIN: a DARTS search on real handwritten digits. With a terminal the dashboard
# opens on it; without one the search prints a line an epoch and ends by itself.
set -eu
bin=${1:-./dartboard}
if [ -t 0 ] && [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    echo "demo: a DARTS search on handwritten digits, about a minute; q leaves, the search goes on"
    exec "$bin" run digits --name demo
fi
echo "demo: a DARTS search on handwritten digits, about a minute, a line an epoch (no terminal)"
# However slow the machine: the last epoch may begin before 90 s are over.
exec "$bin" run digits --name demo --plain --set search.seconds=90
