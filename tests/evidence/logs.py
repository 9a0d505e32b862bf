# SPDX-License-Identifier: MIT
"""Public logs against their truth: what `dartboard health` says, log by log.

    logs.py DARTBOARD DATA

DATA is the folder of the logs with its README.md and truth.csv. Skips and parameter-free operators
of every epoch are compared with truth.csv; the epochs of the rules with the README's table. The
eigenvalues of hessian/lambda_max.csv go in as 1 x 1 matrices. Exit code 1 if anything differs.
"""
import csv
import json
import os
import re
import subprocess
import sys
import tempfile


def health(binary, path, *options):
    done = subprocess.run([binary, "health", path, "--json", *options], stdout=subprocess.PIPE)
    if done.returncode not in (0, 3):
        sys.exit("%s: health ends with %d" % (path, done.returncode))
    return json.loads(done.stdout)


def truth(data):
    table = {}
    with open(os.path.join(data, "truth.csv")) as f:
        for r in csv.DictReader(f):
            table.setdefault(r["log"], []).append((int(r["normal_skips"]), int(r["normal_param_free"])))
    return table


def expected(data):
    """The README's table: name -> (WARN, ALARM, lambda), each an epoch, None, or "" where it says nothing."""
    rows = {}
    for line in open(os.path.join(data, "README.md")):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) == 8 and re.match(r"(dialects/)?[a-z]+-[a-z0-9-]+", cells[0]):
            name = re.match(r"[a-z0-9/-]+", cells[0]).group(0)
            rows[name] = tuple(epoch(c) for c in (cells[2], cells[3], cells[5]))
    return rows


def epoch(text):
    if text == "never":
        return None
    m = re.match(r"(\d+)(?: / (\d+))?$", text)
    return "" if not m else (int(m.group(1)), int(m.group(2))) if m.group(2) else int(m.group(1))


def eigenvalues(data, log, folder):
    path, rows = os.path.join(folder, "derivatives.json"), []
    with open(os.path.join(data, "hessian", "lambda_max.csv")) as f:
        rows = [r for r in csv.DictReader(f) if r["log"] == log]
    with open(path, "w") as f:
        for r in rows:
            f.write('{"epoch": %s, "H": [[%s]], "g": [0.0]}\n' % (r["epoch"], r["lambda_max"]))
    return path if rows else None


def matches(want, got):
    return want == "" or want == got


def judge(binary, data, log, rows, want, folder):
    hessians = eigenvalues(data, os.path.basename(log), folder)
    doc = health(binary, os.path.join(data, log), *(["--hessians", hessians] if hessians else []))
    run = doc["runs"][-1]
    cell = next(c for c in run["cells"] if not c["cell"].startswith("reduc"))
    rules = {r["rule"]: r for r in run["rules"]}
    lam = rules["lambda-live"]
    got = (rules["skips-warn(3,+2)"]["epoch"], rules["skips-alarm(4,+2)"]["epoch"],
           None if lam["epoch"] is None else (lam["epoch"], lam["returned"]))
    same = sum(a == b for a, b in zip(zip(cell["skips"], cell["parameter_free"]), rows))
    ok = same == len(rows) == len(cell["skips"]) and all(matches(w, g) for w, g in zip(want, got))
    own = {}
    for a in cell["alarms"]:
        own.setdefault(a["level"], (a["epoch"], a["rule"]))
    return ok, [os.path.basename(log), doc["dialect"], "%d/%d" % (same, len(rows))] + [shown(g) for g in got] + [
        " ".join("%s@%d(%s)" % (lv, *own[lv]) for lv in ("WATCH", "WARN", "ALARM") if lv in own) or "-",
        run["verdict"] + (":" + run["cause"] if run["cause"] else ""), "ok" if ok else "DIFFERS, README: %s" % (want,)]


def shown(got):
    return "never" if got is None else "%d / %d" % got if isinstance(got, tuple) else str(got)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    binary, data = sys.argv[1:]
    tables, wanted, bad = truth(data), expected(data), 0
    print("| log | dialect | epochs equal | WARN(3,+2) | ALARM(4,+2) | lambda | detector | verdict | |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for log in tables:
            want = wanted.get(re.sub(r"(-trimmed)?\.(txt|log)$", "", log), ("", "", ""))
            ok, row = judge(binary, data, log, tables[log], want, folder)
            bad += not ok
            print("| " + " | ".join(row) + " |")
    print("%d of %d logs as their truth says" % (len(tables) - bad, len(tables)))
    sys.exit(1 if bad else 0)


main()
