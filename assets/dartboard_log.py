# SPDX-License-Identifier: MIT
"""Write a Dartboard journal from any Python search: one file, standard library only.

    import dartboard_log

    log = dartboard_log.open("runs/my-search", epochs=50, seed=2, cells=[dartboard_log.darts("normal"),
                                                                         dartboard_log.darts("reduction")])
    for epoch in range(50):
        train(...)
        log.alpha("normal", model.alphas_normal, epoch, step, kind="logits")      # tensors, arrays, lists
        log.alpha("reduction", model.alphas_reduce, epoch, step, kind="logits")
        log.epoch(epoch, train_loss=..., train_acc=0.57, valid_acc=0.55)          # accuracies: fractions
    log.close()

Then `dartboard watch runs/my-search`, while it runs or after. Every record is on disk when the call
returns. Epochs count from 0; epoch e is the state after epoch e (-1: before the first). `alpha` may
be called more often than once an epoch. Resuming from a checkpoint: open(..., resume=(epoch, step)).
"""

import builtins
import json
import math
import os
import time
import warnings

DARTS_OPS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect",
             "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
NB201_OPS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def cell(name, ops, inputs, nodes, keep, derive="top", combine="concat", edges=None):
    """A cell type. ops: one list of names for all edges, or one list per edge."""
    if edges is None:
        edges = [[i, inputs + j] for j in range(nodes) for i in range(inputs + j)]
    return {"name": name, "inputs": inputs, "nodes": nodes, "keep": keep, "derive": derive,
            "combine": combine, "edges": edges, "ops": ops}


def darts(name, ops=None):
    """A cell of the DARTS space: 2 inputs, 4 nodes, 14 edges, 2 kept per node."""
    return cell(name, ops or DARTS_OPS, 2, 4, 2)


def nb201(ops=None):
    """The cell of NAS-Bench-201: 6 edges, the best operator on each."""
    return cell("cell", ops or NB201_OPS, 1, 3, 1, derive="argmax", combine="sum")


def _plain(value):
    """Tensors, arrays and numbers of any library as lists and floats; non-finite as strings."""
    if value is None or isinstance(value, (str, bool)):
        return value
    for step in ("detach", "cpu"):
        if hasattr(value, step):
            value = getattr(value, step)()
    if hasattr(value, "tolist"):
        value = value.tolist()
    elif hasattr(value, "item") and not isinstance(value, (list, tuple)):
        value = value.item()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, int):
        return value
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


class Log:
    """An open journal. Use as a context manager or call close()."""

    def __init__(self, file):
        self._file = file
        self._epoch_began = time.time()
        self._ended = False

    def record(self, t, **fields):
        """Any record of the journal protocol; fields that are None are left out."""
        out = {"t": t}
        out.update((k, _plain(v)) for k, v in fields.items() if v is not None)
        self._file.write(json.dumps(out, separators=(",", ":"), allow_nan=False) + "\n")
        self._file.flush()

    def alpha(self, cell, value, epoch, step=None, kind="probabilities"):
        """Architecture weights [edges][ops]: "probabilities" (rows sum to 1), "logits" (before
        softmax) or "sigmoid". A list of tensors, one a node, is put together; of a dict the values."""
        if not hasattr(value, "tolist") and hasattr(value, "values"):
            value = value.values()
        if hasattr(value, "__iter__") and not hasattr(value, "tolist"):  # lists, ParameterList
            value = [_plain(part) for part in value]
            if value and isinstance(value[0][0], (list, tuple)):
                value = [row for part in value for row in part]
        self.record("alpha", epoch=epoch, step=epoch if step is None else step, cell=cell, a=value,
                    kind=None if kind == "probabilities" else kind)

    def epoch(self, epoch, train_loss=None, train_acc=None, valid_loss=None, valid_acc=None,
              test_acc=None, lr=None, seconds=None):
        """The end of an epoch. Accuracies are fractions."""
        now = time.time()
        if seconds is None:
            seconds = now - self._epoch_began
        self._epoch_began = now

        def score(loss, acc):
            acc = _plain(acc)
            if isinstance(acc, (int, float)) and acc > 1:
                warnings.warn("dartboard_log: accuracy %g: expected a fraction, not percent" % acc)
            both = {"loss": loss, "acc": acc}
            return {k: v for k, v in both.items() if v is not None} or None

        self.record("epoch", epoch=epoch, train=score(train_loss, train_acc),
                    valid=score(valid_loss, valid_acc), test=score(None, test_acc), lr=lr,
                    seconds=round(seconds, 3), wall=round(now, 3))

    def genotype(self, epoch, genotype, params=None, macs=None):
        """The derived cell: a Genotype tuple or its text. Without it, Dartboard derives it."""
        self.record("genotype", epoch=epoch, text=str(genotype), params=params, macs=macs)

    def hessian(self, epoch, lambda_max, batches=1):
        self.record("hessian", epoch=epoch, lambda_max=lambda_max, batches=batches)

    def note(self, text):
        self.record("note", text=str(text), wall=round(time.time(), 3))

    def state(self, state, epoch=None, step=None):
        """RUNNING, PAUSED, RESUMED, DONE, STOPPED or FAILED."""
        self._ended = state in ("DONE", "STOPPED", "FAILED")
        self.record("state", state=state, epoch=epoch, step=step, wall=round(time.time(), 3))

    def close(self, state="DONE"):
        if self._file.closed:
            return
        if not self._ended:
            self.state(state)
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close("DONE" if kind is None else "FAILED")
        return False


def _cut_torn_line(path):
    """A writer that was killed may have left half a line: what comes next must not join it."""
    with builtins.open(path, "rb+") as file:
        file.seek(0, os.SEEK_END)
        size = end = file.tell()
        while end:
            back = min(end, 4096)
            file.seek(end - back)
            at = file.read(back).rfind(b"\n")
            if at >= 0:
                end = end - back + at + 1
                break
            end -= back
        if end < size:
            file.truncate(end)


def open(path, cells=None, epochs=None, name=None, strategy=None, seed=None, resume=None, **fields):
    """Starts a journal in directory `path`. If there is one, the next free of path-2, path-3 ...
    is taken, unless resume=(epoch, step) says to go on after that epoch. More fields of the run
    record: space, warmup_epochs, majority (rate of the largest class), steps_per_epoch."""
    path = str(path)
    base, number = path.rstrip("/"), 2
    while resume is None and os.path.exists(os.path.join(path, "journal.jsonl")):
        path = "%s-%d" % (base, number)
        number += 1
    os.makedirs(path, exist_ok=True)
    journal = os.path.join(path, "journal.jsonl")
    if resume is not None and os.path.exists(journal):
        _cut_torn_line(journal)
        log = Log(builtins.open(journal, "a", encoding="utf-8"))
        epoch, step = resume if isinstance(resume, (list, tuple)) else (resume, None)
        log.state("RESUMED", epoch=epoch, step=step)
        return log
    log = Log(builtins.open(journal, "a", encoding="utf-8"))
    log.record("run", v=1, name=name or os.path.basename(os.path.abspath(path)),
               strategy=strategy, seed=seed, epochs=epochs, cells=cells,
               wall=round(time.time(), 3), producer="dartboard_log.py", **fields)
    log.state("RUNNING")
    return log
