#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the recorded journals of this directory: small, realistic, the same bytes every time.

They feed the golden screens. Run it only to change them, then review the goldens.
"""
import json
import math
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
START = 1767225600.0  # 2026-01-01 00:00 UTC

DARTS_OPS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
             "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
NB201_OPS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def write(name, records):
    with open(os.path.join(HERE, name), "w") as f:
        for r in records:
            f.write(json.dumps(r, separators=(",", ":")) + "\n")


def softmax(row):
    top = max(row)
    e = [math.exp(x - top) for x in row]
    s = sum(e)
    return [round(x / s, 4) for x in e]


def darts_edges():
    return [[j, i] for i in range(2, 6) for j in range(i)]


def darts_cells():
    return [{"name": n, "inputs": 2, "nodes": 4, "keep": 2, "derive": "top", "combine": "concat",
             "edges": darts_edges(), "ops": DARTS_OPS} for n in ("normal", "reduction")]


def text_of(rows, edges):
    genes = []
    for node in range(2, 6):
        into = [(max((p, -k) for k, p in enumerate(rows[e]) if k > 0), e)
                for e, (_, to) in enumerate(edges) if to == node]
        into.sort(key=lambda x: (-x[0][0], x[1]))
        genes += [(DARTS_OPS[-best[1]], edges[e][0]) for best, e in into[:2]]
    return "[" + ", ".join("('%s', %d)" % g for g in genes) + "]"


def genotype(tables):
    edges = darts_edges()
    return ("Genotype(normal=%s, normal_concat=range(2, 6), reduce=%s, reduce_concat=range(2, 6))"
            % (text_of(tables["normal"], edges), text_of(tables["reduction"], edges)))


def epoch_record(e, rng, total, seconds, top=0.9, nan=False):
    t = 1 - math.exp(-(e + 1) / (total * 0.22))
    train = 0.1 + (top + 0.06 - 0.1) * t + rng.gauss(0, 0.004)
    valid = 0.1 + (top - 0.1) * t + rng.gauss(0, 0.008)
    lr = 0.001 + 0.5 * 0.024 * (1 + math.cos(math.pi * e / total))
    loss = {"loss": round(2.3 * (1 - t) + 0.12, 4), "acc": round(train, 4)}
    vloss = {"loss": round(2.3 * (1 - t) + 0.31 + 0.1 * t * e / total, 4), "acc": round(valid, 4)}
    if nan:
        loss["loss"] = "nan"
        vloss = {"loss": "inf", "acc": round(0.1 + rng.random() * 0.01, 4)}
    return {"t": "epoch", "epoch": e, "train": loss, "valid": vloss, "lr": round(lr, 6),
            "seconds": round(seconds + rng.gauss(0, 0.4), 1),
            "wall": START + (e + 1) * seconds}


def darts_run(name, seed, done, collapse, epochs=50, nan_from=None):
    rng = random.Random(seed)
    steps, seconds = 98, 71.0
    yield {"t": "run", "v": 1, "name": name, "strategy": "darts", "space": "darts", "seed": seed,
           "epochs": epochs, "steps_per_epoch": steps, "wall": START, "cells": darts_cells()}
    yield {"t": "state", "state": "RUNNING", "epoch": -1, "step": 0, "wall": START}
    yield {"t": "note", "text": "data cifar10: 25000 train, 25000 valid, test sealed",
           "wall": START + 1}
    # Where each edge is heading: a mild liking for one operator, strongest for convolutions.
    goal = {c: [[rng.gauss(0.35 if "conv" in o else -0.15, 0.5) for o in DARTS_OPS]
                for _ in range(14)] for c in ("normal", "reduction")}
    for c in goal:
        for row in goal[c]:
            row[0] = -0.4  # none fades
    for e in range(done):
        tables = {}
        for c in ("normal", "reduction"):
            rows = []
            for k in range(14):
                grow = 1.6 * (1 - math.exp(-e / 22))
                row = [g * grow + rng.gauss(0, 0.02) for g in goal[c][k]]
                if collapse and c == "normal":
                    row[3] += max(0, e - 5) * (0.075 + 0.01 * (k % 4))
                elif collapse:
                    row[3] += max(0, e - 25) * 0.015
                rows.append(softmax(row))
            tables[c] = rows
            yield {"t": "alpha", "epoch": e, "step": (e + 1) * steps, "cell": c, "a": rows}
        text = genotype(tables)
        yield {"t": "genotype", "epoch": e, "text": text,
               "params": 3349342 - 180000 * text.count("skip"),
               "macs": 528000000 - 22000000 * text.count("skip")}
        bad = nan_from is not None and e >= nan_from
        yield epoch_record(e, rng, epochs, seconds, 0.88 if collapse else 0.91, bad)
        if e % 5 == 4:
            yield {"t": "checkpoint", "epoch": e, "file": "checkpoints/%04d.safetensors" % e}
        if nan_from == e:
            yield {"t": "note", "text": "loss is not finite since epoch %d: weights diverged" % e,
                   "wall": START + (e + 1) * seconds}
    yield {"t": "device", "seconds": done * seconds, "cpu": 1.97, "rss": 2100000000}


def nb201_run():
    rng = random.Random(7)
    edges = [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    yield {"t": "run", "v": 1, "name": "nasbench201-darts-s7", "strategy": "darts",
           "space": "nasbench201", "seed": 7, "epochs": 30, "steps_per_epoch": 100, "wall": START,
           "cells": [{"name": "cell", "inputs": 1, "nodes": 3, "keep": 0, "derive": "argmax",
                      "combine": "sum", "edges": edges, "ops": NB201_OPS}]}
    yield {"t": "state", "state": "RUNNING", "epoch": -1, "step": 0, "wall": START}
    goal = [[rng.gauss(0.5 if "nor" in o else 0, 0.6) for o in NB201_OPS] for _ in edges]
    goal[1][0] = 1.6  # one edge ends as none
    for e in range(30):
        rows = [softmax([g * 1.8 * (1 - math.exp(-e / 12)) for g in row]) for row in goal]
        yield {"t": "alpha", "epoch": e, "step": (e + 1) * 100, "cell": "cell", "a": rows}
        yield epoch_record(e, rng, 30, 12.0, 0.84)
    yield {"t": "state", "state": "DONE", "epoch": 29, "step": 3000, "wall": START + 30 * 12}


def trials_run():
    rng = random.Random(3)
    yield {"t": "run", "v": 1, "name": "digits-evolution-s3", "strategy": "evolution",
           "space": "digits", "seed": 3, "wall": START,
           "directions": {"accuracy": "maximize", "params": "minimize"}}
    yield {"t": "state", "state": "RUNNING", "epoch": -1, "step": 0, "wall": START}
    for n in range(80):
        params = int(math.exp(rng.uniform(math.log(4000), math.log(90000))))
        acc = 0.8 + 0.055 * math.log10(params / 1000) + rng.gauss(0, 0.02) + n * 0.0003
        ops = [rng.choice(["sep_conv_3x3", "skip_connect", "max_pool_3x3"]) for _ in range(4)]
        arch = "Genotype(normal=[('%s', 0), ('%s', 1), ('%s', 0), ('%s', 2)])" % tuple(ops)
        state = "FAIL" if n == 17 else "PRUNED" if n in (23, 51) else "COMPLETE"
        r = {"t": "trial", "number": n, "state": state, "arch": arch,
             "seconds": round(rng.uniform(0.8, 2.4), 1)}
        if state == "COMPLETE":
            r["values"] = {"accuracy": round(min(acc, 0.985), 4), "params": params}
        yield r
    yield {"t": "note", "text": "trial 17 failed: loss is not finite", "wall": START + 30}


def started_run():
    yield {"t": "run", "v": 1, "name": "darts-darts-s1", "strategy": "darts", "space": "darts",
           "seed": 1, "epochs": 50, "steps_per_epoch": 98, "wall": START, "cells": darts_cells()}
    yield {"t": "state", "state": "RUNNING", "epoch": -1, "step": 0, "wall": START}


def logged_run():
    """What a log without alphas gives: a genotype and accuracies per epoch, no planned length."""
    rng = random.Random(11)
    yield {"t": "run", "v": 1, "name": "s1-wd3e-4", "strategy": "darts", "wall": START}
    goal = [[rng.gauss(0.3, 0.5) for _ in DARTS_OPS] for _ in range(14)]
    for e in range(34):
        rows = [[g + rng.gauss(0, 0.08) for g in row] for row in goal]
        for k, row in enumerate(rows):
            row[3] += max(0, e - 9) * (0.1 + 0.02 * (k % 3))
        tables = {"normal": [softmax(r) for r in rows],
                  "reduction": [softmax(g) for g in goal]}
        yield {"t": "genotype", "epoch": e, "text": genotype(tables)}
        yield epoch_record(e, rng, 50, 160.0, 0.86)


if __name__ == "__main__":
    write("healthy.jsonl", darts_run("darts-darts-s2", 2, 31, False))
    write("collapse.jsonl", darts_run("darts-darts-s5", 5, 44, True))
    write("nan.jsonl", darts_run("darts-darts-s9", 9, 14, False, nan_from=9))
    write("nb201.jsonl", nb201_run())
    write("trials.jsonl", trials_run())
    write("started.jsonl", started_run())
    write("logged.jsonl", logged_run())
