# SPDX-License-Identifier: MIT
"""Scores of the collapse study. Python 3, standard library only.

    score.py sample DIR           cells to retrain: run, seed, genotype (- for the derived one), a line each
    score.py score DIR RESULTS    tables: runs.csv, rules.csv, report.md

DIR holds NAME.json (`dartboard health --json`), runs/NAME/journal.jsonl, NAME.retrainSEED
(the derived cell), NAME.goodSEED (the cell of the good epoch that the first ALARM names).
"""
import csv
import glob
import json
import math
import os
import random
import re
import sys
from statistics import mean, median

LIMIT = {"nb": 4, "noskip": 4, "s2": 5}  # skips that count as collapse: 4 of 6 edges, 5 of 8
STRETCH = 3  # epochs that the final stretch must last
SAMPLE = 12  # retrained cells of each kind
BOOT = 1000
APART = ("dead", "lambda")  # alarms that are not counted among the detector's


# ---- runs ----------------------------------------------------------------------------------------
def design(here):
    groups = {}
    for line in open(os.path.join(here, "design.txt")):
        if line.strip() and not line.startswith("#"):
            group, role, space, _, settings = line.split()
            groups[group] = (role, space, settings)
    return groups


class Run:
    def __init__(self, path, groups):
        self.name = os.path.basename(path)[: -len(".json")]
        self.group, seed = self.name.rsplit("-s", 1)
        self.seed = int(seed)
        self.role, self.space, self.settings = groups[self.group]
        doc = json.load(open(path))["runs"][0]
        cell = next(c for c in doc["cells"] if not c["cell"].startswith("reduc"))
        self.skips, self.free, self.depth = cell["skips"], cell["parameter_free"], cell["conv_depth"]
        self.n = len(self.skips)
        self.verdict, self.cause = doc["verdict"], doc["cause"]
        self.valid = doc["valid_acc"][-1]
        self.alarms = [(a["level"], a["rule"], a["epoch"]) for a in cell["alarms"]]
        self.null = {a["rule"]: stated(a["evidence"]) for a in cell["alarms"]}
        self.good = next((a["good_epoch"] for a in cell["alarms"] if a["level"] == "ALARM" and a["rule"] not in APART), None)
        self.rules = {r["rule"]: r["epoch"] for r in doc["rules"]}
        self.rules["lambda-returned"] = next(r.get("returned") for r in doc["rules"] if r["rule"] == "lambda-live")
        self.read_journal(os.path.join(os.path.dirname(path), "runs", self.name, "journal.jsonl"), cell["cell"])
        self.judge()
        self.retrained = retrained(path[: -len(".json")] + ".retrain*")
        self.retrained_good = retrained(path[: -len(".json")] + ".good*")

    def read_journal(self, path, cell):
        self.signals, self.seconds = [{} for _ in range(self.n)], 0.0
        self.genotypes, self.lambdas = {}, {}
        for line in open(path):
            r = json.loads(line)
            if r["t"] == "signals" and r["cell"] == cell and r["epoch"] >= 0:
                self.signals[r["epoch"]] = r  # the last of an epoch stays
            elif r["t"] == "hessian":
                self.lambdas[r["epoch"]] = r["lambda_max"]
            elif r["t"] == "genotype":
                self.genotypes[r["epoch"]] = r["text"]
            elif r["t"] == "epoch":
                self.seconds += r.get("seconds", 0.0)

    def judge(self, bad=None):
        bad = bad or [d <= 0 or s >= LIMIT[self.space] for s, d in zip(self.skips, self.depth)]
        onset = self.n
        while onset > 0 and bad[onset - 1]:
            onset -= 1
        length = self.n - onset
        self.truth = "collapsed" if length >= STRETCH else "unclear" if length else "healthy"
        self.onset = onset if self.truth == "collapsed" else None
        self.transient = self.truth == "healthy" and any(all(bad[i : i + STRETCH]) for i in range(self.n - STRETCH + 1))

    def series(self, key):
        return [number(s.get(key)) for s in self.signals]


def stated(evidence):
    """The null rate at the end of an alarm's words, as a share; "under 0.1 %" is 0."""
    m = re.search(r"in (under |about )?([0-9.]+) % of runs", evidence)
    return None if not m else 0.0 if m.group(1) == "under " else float(m.group(2)) / 100


def number(x):
    return float(x) if x is not None else math.nan


def retrained(pattern):
    found = []
    for path in glob.glob(pattern):
        m = re.search(r"test accuracy: ([0-9.]+)", open(path).read())
        if m:
            found.append(float(m.group(1)))
    return mean(found) if found else None


def load(folder):
    groups = design(os.path.dirname(os.path.abspath(__file__)))
    paths = sorted(glob.glob(os.path.join(folder, "*.json")))
    runs = [Run(p, groups) for p in paths if os.path.basename(p).rsplit("-s", 1)[0] in groups]
    return sorted(runs, key=lambda r: (list(groups).index(r.group), r.seed))


def sample(runs):
    """Lines `run seed genotype`: final cells of both kinds, and what a roll-back returns to."""
    chosen = []
    for truth in ("collapsed", "healthy"):
        pool = [r for r in runs if r.truth == truth and r.role == "prone" and r.space == "nb"]
        for r in sorted(pool, key=lambda r: (r.seed, r.group))[:SAMPLE]:
            chosen.append((r.name, 1, "-"))
            if truth == "collapsed" and r.good in r.genotypes:
                chosen.append((r.name, 1, r.genotypes[r.good]))
    return chosen


# ---- rules: a run and a threshold to the epoch of the alarm, or None -------------------------------
def streak(ok, need, start=0):
    count = 0
    for i, good in enumerate(ok):
        count = count + 1 if good else 0
        if count >= need and i >= start:
            return i
    return None


def above(key, looks=3):
    return lambda r, x: streak([v > x for v in r.series(key)], looks, 2)


def entropy_below(r, x):
    return streak([v < x for v in r.series("entropy")], 1)


def gap_turn(r, x):
    """The gap on q has risen by x above its lowest value so far, and over the last 5 epochs."""
    low = math.inf
    for i, v in enumerate(r.series("gap")):
        low = min(low, v)
        if i >= 5 and v - low >= x and v > r.series("gap")[i - 5]:
            return i
    return None


def skips_rule(r, x):
    """x = (skips, rise): the rule of the logs with both numbers free."""
    k, rise = x
    for i in range(5, r.n):
        if min(r.skips[i - 2 : i + 1]) >= k and r.skips[i] - r.skips[max(0, i - 8)] >= rise:
            return i
    return None


def depth_rule(r, x):
    return streak([d <= 0 for d in r.depth], x, 2)


def level(*levels, apart=APART):
    """The first alarm of these levels; a dead supernet is another disease, and only some searches measure lambda_max."""
    def first(r, _):
        epochs = [e for lv, rule, e in r.alarms if lv in levels and rule not in apart]
        return min(epochs) if epochs else None

    return first


def only(*names):
    def first(r, _):
        epochs = [e for _, rule, e in r.alarms if rule in names]
        return min(epochs) if epochs else None

    return first


def lambda_ratio(factor):
    """RobustDARTS' early stop with another factor: means of 5 points, 4 points apart, from epoch 10 on."""
    def first(r, _):
        epochs = sorted(r.lambdas)
        mean_at = lambda i: mean(r.lambdas[e] for e in epochs[max(0, i - 4) : i + 1])
        for i in range(6, len(epochs)):
            if epochs[i - 6] >= 10 and mean_at(i) / mean_at(i - 4) > factor:
                return epochs[i]
        return None

    return first


def shipped(name):
    return lambda r, _: r.rules.get(name)


FIXED = [
    ("detector: WATCH or above", level("WATCH", "WARN", "ALARM")),
    ("detector: WARN or above", level("WARN", "ALARM")),
    ("detector: ALARM", level("ALARM")),
    ("detector: skips-alarm or -slow alone", only("skips-alarm", "skips-slow")),
    ("detector: present-from-start alone", only("present-from-start")),
    ("detector: depth alone", only("depth")),
    ("detector: t-warn alone", only("t-warn")),
    ("detector: gap-forecast alone", only("gap-forecast")),
    ("skips-alarm(4,+2)", shipped("skips-alarm(4,+2)")),
    ("skips-warn(3,+2)", shipped("skips-warn(3,+2)")),
    ("DARTS+ 1: 2 skips", shipped("darts-plus-1")),
    ("DARTS+ 2: stable for 10", shipped("darts-plus-2")),
    ("t(q) > 3, 3 looks", lambda r, _: above("t_q")(r, 3.0)),
    ("t(q) > 4, 3 looks", lambda r, _: above("t_q")(r, 4.0)),
    ("t(q) > 5, 3 looks", lambda r, _: above("t_q")(r, 5.0)),
]
LAMBDA = [
    ("lambda, live, ratio 1.3", shipped("lambda-live")),
    ("lambda, the epoch it returns to", shipped("lambda-returned")),
    ("lambda, live, ratio 1.5", lambda_ratio(1.5)),
    ("lambda, live, ratio 2", lambda_ratio(2.0)),
    ("detector: lambda for 3 looks", only("lambda")),
    ("detector: WARN or above, lambda included", level("WARN", "ALARM", apart=("dead",))),
]
TUNED = [
    ("t(q) > x, 3 looks", above("t_q"), [x / 2 for x in range(2, 25)]),
    ("t(p) > x, 3 looks", above("t_p"), [x / 2 for x in range(2, 25)]),
    ("gap(q) > x, 3 looks", above("gap"), [x / 50 for x in range(0, 40)]),
    ("gap(q) turned up by x", gap_turn, [x / 50 for x in range(1, 40)]),
    ("skip gradient lead > x, 3 looks", above("lead"), [x / 100 for x in range(1, 60, 2)]),
    ("skip-win share > x, 3 looks", above("win_share"), [x / 12 for x in range(2, 12)]),
    ("entropy < x", entropy_below, [1 - x / 400 for x in range(1, 100)]),
    ("skips >= k, 3 epochs, +r in 8", skips_rule, [(k, r) for k in (2, 3, 4, 5, 6) for r in (0, 1, 2, 3)]),
    ("D <= 0 for x epochs", depth_rule, [2, 3, 4, 5, 6]),
    ("alarm at epoch x, always", lambda r, x: x, list(range(2, 40))),
]


# ---- scores --------------------------------------------------------------------------------------
def score(rule, x, runs):
    sick = [r for r in runs if r.truth == "collapsed"]
    well = [r for r in runs if r.truth == "healthy"]
    leads = [r.onset - e for r in sick if (e := rule(r, x)) is not None]
    false = sum(rule(r, x) is not None for r in well)
    return {"sick": len(sick), "well": len(well), "caught": len(leads), "false": false, "leads": sorted(leads)}


def quantile(values, q):
    if not values:
        return math.nan
    at = q * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def bootstrap(rule, x, runs):
    """95 % intervals of recall, false alarms and median lead; whole seeds are drawn."""
    fired = {r.name: rule(r, x) for r in runs}
    by_seed = {}
    for r in runs:
        by_seed.setdefault(r.seed, []).append(r)
    seeds, rng = sorted(by_seed), random.Random(1)
    drawn = []
    for _ in range(BOOT):
        picked = [r for s in rng.choices(seeds, k=len(seeds)) for r in by_seed[s]]
        s = score(lambda r, _: fired[r.name], x, picked)
        drawn.append((ratio(s["caught"], s["sick"]), ratio(s["false"], s["well"]), quantile(s["leads"], 0.5)))
    ends = []
    for column in zip(*drawn):
        ok = sorted(v for v in column if not math.isnan(v))
        ends.append((quantile(ok, 0.025), quantile(ok, 0.975)))
    return ends


def ratio(a, b):
    return a / b if b else math.nan


def tune(rule, grid, runs):
    """The threshold with the largest recall minus false alarms; of equals the one that leads most."""
    best, chosen = None, None
    for x in grid:
        s = score(rule, x, runs)
        lead = quantile(s["leads"], 0.5)
        key = (ratio(s["caught"], s["sick"]) - ratio(s["false"], s["well"]), -math.inf if math.isnan(lead) else lead)
        if best is None or key > best:
            best, chosen = key, x
    return chosen


def coin(runs, rate):
    """A coin that alarms at the detector's rate, at any epoch: what its lead would be."""
    rng, leads = random.Random(2), []
    sick = [r for r in runs if r.truth == "collapsed"]
    for _ in range(200):
        leads += [r.onset - rng.randrange(r.n) for r in sick if rng.random() < rate]
    return sorted(leads)


def shown(x):
    return "" if x is None else "(%s, +%s)" % x if isinstance(x, tuple) else "%g" % x


def row(name, x, rule, runs):
    s = score(rule, x, runs)
    b = bootstrap(rule, x, runs)
    out = [name, shown(x), s["caught"], s["sick"], "%.2f..%.2f" % b[0], s["false"], s["well"], "%.2f..%.2f" % b[1]]
    out += ["%+.1f" % quantile(s["leads"], q) if s["leads"] else "-" for q in (0.5, 0.25, 0.75)]
    return out + ["%+.1f..%+.1f" % b[2] if s["leads"] else "-"]


HEAD = ["rule", "threshold", "caught", "of", "recall 95 %", "false", "of", "false 95 %", "lead", "q25", "q75", "lead 95 %"]


def rule_rows(train, test):
    rows = [row(name, None, rule, test) for name, rule in FIXED]
    for name, rule, grid in TUNED:
        rows.append(row(name, tune(rule, grid, train), rule, test))
    alarm = score(level("ALARM"), None, test)
    rate = ratio(alarm["false"], alarm["well"])
    leads = coin(test, rate)
    rows.append(["coin at the rate of ALARM", "%.2f" % rate, "%.1f" % (rate * alarm["sick"]), alarm["sick"], "-",
                 "%.1f" % (rate * alarm["well"]), alarm["well"], "-"]
                + ["%+.1f" % quantile(leads, q) if leads else "-" for q in (0.5, 0.25, 0.75)] + ["-"])
    return rows


def paired(a, b, runs):
    """Runs of the collapsing ones where rule a fires before b, at the same epoch, after."""
    pairs = [(a(r, None), b(r, None)) for r in runs if r.truth == "collapsed"]
    pairs = [(x, y) for x, y in pairs if x is not None and y is not None]
    before, same = sum(x < y for x, y in pairs), sum(x == y for x, y in pairs)
    after = len(pairs) - before - same
    n, k = before + after, min(before, after)
    p = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n) if n else 1.0
    return before, same, after, p, median(y - x for x, y in pairs) if pairs else math.nan


# ---- reports -------------------------------------------------------------------------------------
def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in r) + " |" for r in rows]) + "\n"


def write_csv(path, head, rows):
    with open(path, "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def run_rows(runs):
    fire = [level("WATCH", "WARN", "ALARM"), level("WARN", "ALARM"), level("ALARM")]
    for r in runs:
        yield ([r.name, r.group, r.role, r.space, r.settings, r.seed, r.truth, r.onset, int(r.transient), r.verdict, r.cause]
               + [f(r, None) for f in fire]
               + [r.rules.get(k) for k in ("skips-alarm(4,+2)", "skips-warn(3,+2)", "darts-plus-1", "darts-plus-2", "lambda-live")]
               + ["%.4f" % r.valid, "" if r.retrained is None else "%.4f" % r.retrained,
                  r.good, "" if r.retrained_good is None else "%.4f" % r.retrained_good]
               + ["".join(str(v) for v in r.skips), "".join(str(v) for v in r.free),
                  "".join("x" if v < 0 else str(v) for v in r.depth)])


RUN_HEAD = ["name", "group", "role", "space", "settings", "seed", "truth", "onset", "transient", "verdict", "cause", "watch",
            "warn", "alarm", "skips_alarm_4_2", "skips_warn_3_2", "darts_plus_1", "darts_plus_2", "lambda_live",
            "supernet_acc", "retrained_acc", "good_epoch", "retrained_good_acc", "skips", "parameter_free", "conv_depth"]


def group_rows(runs):
    for group in dict.fromkeys(r.group for r in runs):
        part = [r for r in runs if r.group == group]
        onsets = [r.onset for r in part if r.onset is not None]
        counts = [sum(r.truth == t for r in part) for t in ("collapsed", "healthy", "unclear")]
        yield ([group, part[0].space, part[0].settings, len(part)] + counts + [sum(r.transient for r in part)]
               + ["%g" % median(onsets) if onsets else "-", "%.3f" % mean(r.valid for r in part), "%.1f" % mean(r.seconds for r in part)])


def healed_text(runs):
    false = [r for r in runs if r.truth == "healthy" and level("ALARM")(r, None) is not None]
    dead = sum(any(a[1] == "dead" for a in r.alarms) for r in runs)
    return "Of %d healthy runs with an ALARM, %d had collapsed for %d epochs or more and healed later. Called dead (not counted above): %d of %d runs.\n" % (
        len(false), sum(r.transient for r in false), STRETCH, dead, len(runs))


def by_depth(runs):
    saved = [(r, r.truth, r.onset, r.transient) for r in runs]
    for r in runs:
        r.judge([d <= 0 for d in r.depth])
    text = markdown(HEAD, [row(name, None, rule, runs) for name, rule in FIXED])
    for r, r.truth, r.onset, r.transient in saved:
        pass
    return text


def retrain_text(runs):
    rows = []
    for truth in ("collapsed", "healthy"):
        acc = sorted(r.retrained for r in runs if r.truth == truth and r.retrained is not None)
        if acc:
            rows.append([truth, len(acc)] + ["%.4f" % v for v in (mean(acc), acc[0], median(acc), acc[-1])])
    for name, keep in (("D <= 0 at the end", lambda d: d <= 0), ("D = 1", lambda d: d == 1), ("D >= 2", lambda d: d >= 2)):
        acc = sorted(r.retrained for r in runs if r.retrained is not None and keep(r.depth[-1]))
        if acc:
            rows.append([name, len(acc)] + ["%.4f" % v for v in (mean(acc), acc[0], median(acc), acc[-1])])
    pairs = [(r.retrained, r.retrained_good) for r in runs if r.retrained is not None and r.retrained_good is not None]
    if pairs:
        acc = sorted(good for _, good in pairs)
        rows.append(["at the good epoch of the ALARM", len(acc)] + ["%.4f" % v for v in (mean(acc), acc[0], median(acc), acc[-1])])
        gain = sorted(good - end for end, good in pairs)
        rows.append(["that minus the collapsed cell", len(gain)] + ["%+.4f" % v for v in (mean(gain), gain[0], median(gain), gain[-1])])
    return markdown(["cells", "retrained", "mean", "lowest", "median", "highest"], rows)


def null_rows(runs):
    """Share of healthy runs in which a clause was raised, against the rate that the alarm states."""
    for space in dict.fromkeys(r.space for r in runs):
        well = [r for r in runs if r.space == space and r.truth == "healthy"]
        stated = {}
        for r in runs:
            if r.space == space:
                stated.update({k: v for k, v in r.null.items() if isinstance(v, float)})
        for rule in sorted(stated):
            seen = sum(any(a[1] == rule for a in r.alarms) for r in well)
            yield [space, rule, seen, len(well), "%.3f" % ratio(seen, len(well)), "%.3f" % stated[rule]]


def report(runs, folder):
    main = runs
    train, test = [r for r in main if r.seed % 2 == 1], [r for r in main if r.seed % 2 == 0]
    rows = rule_rows(train, test)
    every = [row(name, None, rule, main) for name, rule in FIXED]
    count = {t: sum(r.truth == t for r in main) for t in ("collapsed", "healthy", "unclear")}
    out = ["# Results\n", "Made by `make evidence`; do not edit. %d searches: %d collapsed, %d healthy (%d of them with a stretch of collapse that "
           "healed), %d unclear and left out.\n" % (len(main), count["collapsed"], count["healthy"], sum(r.transient for r in main), count["unclear"])]
    out += ["## Groups\n", markdown(["group", "space", "settings", "runs", "collapsed", "healthy", "unclear", "healed", "median onset",
                                     "supernet acc", "seconds"], group_rows(runs))]
    out += ["## Retrained accuracy of a sample of derived cells\n", retrain_text(runs)]
    out += ["## Rules on the half with even seeds (thresholds tuned on the odd half)\n", markdown(HEAD, rows)]
    out += ["## Rules without a threshold, all runs\n", markdown(HEAD, every), healed_text(main)]
    out += ["## The same with D <= 0 alone as truth, all runs\n", by_depth(main)]
    sub = [r for r in runs if r.lambdas]
    if sub:
        lam = LAMBDA + [FIXED[i] for i in (1, 2, 8, 9)]
        out += ["## lambda_max every second epoch, means over 4 batches (%d searches)\n" % len(sub),
                markdown(HEAD, [row(n, None, f, sub) for n, f in lam])]
    pairs = []
    for name, a, b in (("WARN before ALARM", level("WARN", "ALARM"), level("ALARM")),
                       ("WARN before skips-alarm(4,+2)", level("WARN", "ALARM"), shipped("skips-alarm(4,+2)")),
                       ("t(q) > 4 before skips-warn(3,+2)", lambda r, _: above("t_q")(r, 4.0), shipped("skips-warn(3,+2)")),
                       ("t(q) > 3 before skips-warn(3,+2)", lambda r, _: above("t_q")(r, 3.0), shipped("skips-warn(3,+2)"))):
        before, same, after, p, gain = paired(a, b, main)
        pairs.append([name, before, same, after, "%+g" % gain, "%.3f" % p])
    out += ["## Which comes first in collapsing runs\n", markdown(["pair", "before", "same epoch", "after", "median epochs", "sign test p"], pairs)]
    out += ["## Null model against healthy runs\n", markdown(["space", "clause", "healthy runs with it", "of", "share", "stated"], null_rows(main))]
    os.makedirs(folder, exist_ok=True)
    write_csv(os.path.join(folder, "runs.csv"), RUN_HEAD, run_rows(runs))
    write_csv(os.path.join(folder, "rules.csv"), HEAD, rows)
    with open(os.path.join(folder, "report.md"), "w") as f:
        f.write("\n".join(out))
    print("\n".join(out))


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("sample", "score"):
        sys.exit(__doc__)
    runs = load(sys.argv[2])
    if sys.argv[1] == "sample":
        for cell in sample(runs):
            print(*cell)
    else:
        report(runs, sys.argv[3])


main()
