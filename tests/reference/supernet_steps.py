#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""20 steps of DARTS in PyTorch, for tests/search/test_reference.c: first and second order, in
float64 and in float32, from the weights and on the batches of Dartboard.

By hand, from the root of the tree, after a change of the net, its start or its batches:
    DARTBOARD_STEPS_DUMP=tests/reference/goldens/steps_start.safetensors build/release/tests/search/test_reference
    python3 tests/reference/supernet_steps.py

The first writes the initial weights and alphas and which images are in which batch; the images
come from assets/data. The script writes tests/reference/goldens/steps.safetensors: for each order
and step the float64 losses, alphas, and PROJECTIONS sums with random signs of all weights and of
all running statistics (enough to measure distances with), how far PyTorch's float32 is from these,
and the float64 gradients of the first step. There are RUNS runs in float32, in both memory formats
and with the images of a batch in different order, which changes roundings only: kept are the median
distance of each step and the largest up to it. It also counts the ReLU and max-pool decisions in
which float32 and float64 differ; the first step must have none.

Semantics are those of quark0/darts, cnn/{train_search,architect,model_search,operations}.py,
but perturbed passes leave the running statistics alone.
"""
import json
import math
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

STEPS, BATCH, EPOCHS, PROJECTIONS, RUNS = 20, 16, 2, 64, 6
LR, LR_MIN, MOMENTUM, DECAY, CLIP = 0.025, 0.001, 0.9, 3e-4, 5
FOLDER = "tests/reference/goldens/"
OPS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
EDGES = ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
CELLS = ("normal", "reduction", "normal")
TYPES = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64,
         "U8": np.uint8}


# ---- files --------------------------------------------------------------------------------------
def read_tensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    out = {}
    for name, t in sorted(json.loads(data[8:8 + size]).items(),
                          key=lambda item: item[1].get("data_offsets", [0])[0]):
        if name != "__metadata__":
            begin, end = (8 + size + at for at in t["data_offsets"])
            out[name] = np.frombuffer(data[begin:end], TYPES[t["dtype"]]).reshape(t["shape"])
    return out


def write_tensors(path, tensors):
    header, body = {}, b""
    for name, x in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        kind = {v: k for k, v in TYPES.items()}[x.dtype.type]
        header[name] = {"dtype": kind, "shape": list(x.shape),
                        "data_offsets": [len(body), len(body) + x.nbytes]}
        body += np.ascontiguousarray(x).tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)


def read_digits(scale):
    images = open("assets/data/digits-images-idx3-ubyte", "rb").read()
    n, h, w = struct.unpack(">3I", images[4:16])
    pixels = np.frombuffer(images[16:], np.uint8).reshape(n, 1, h, w)
    labels = np.frombuffer(open("assets/data/digits-labels-idx1-ubyte", "rb").read()[8:], np.uint8)
    return pixels.astype(np.float32) * scale, labels.astype(np.int64)


# ---- the supernet -------------------------------------------------------------------------------
class Net:
    """Weights w and running statistics b by Dartboard's names; alphas for both cell types."""

    def __init__(self, start, dtype, channels_last=False):
        def load(prefix):
            return {name[len(prefix):]: torch.tensor(x).to(dtype) for name, x in start.items()
                    if name.startswith(prefix)}
        self.w, self.b = load("w."), load("buffer.")
        for x in self.w.values():
            x.requires_grad_()
        alpha = torch.tensor(start["alpha"]).to(dtype).reshape(2, len(EDGES), len(OPS))
        self.alphas = [a.clone().requires_grad_() for a in alpha]
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.track = True      # update running statistics
        self.decisions = None  # list of masks and indices, when somebody wants them

    def relu(self, x):
        if self.decisions is not None:
            self.decisions.append((x > 0).numpy())
        return F.relu(x)

    def max_pool(self, x, stride):
        out, index = F.max_pool2d(x, 3, stride, 1, return_indices=True)
        if self.decisions is not None:
            self.decisions.append(index.numpy())
        return out

    def conv(self, w, name, x, **options):
        return F.conv2d(x, w[name + ".weight"], **options)

    def bn(self, w, name, x):
        mean, var = self.b[name + ".running_mean"], self.b[name + ".running_var"]
        return F.batch_norm(x, mean, var, w.get(name + ".weight"), w.get(name + ".bias"), True,
                            0.1 if self.track else 0.0)

    def relu_conv_bn(self, w, name, x):
        return self.bn(w, name + ".bn", self.conv(w, name + ".conv", self.relu(x)))

    def factorised_reduce(self, w, name, x):
        x = self.relu(x)
        both = [self.conv(w, name + ".conv_1", x, stride=2),
                self.conv(w, name + ".conv_2", x[:, :, 1:, 1:], stride=2)]
        return self.bn(w, name + ".bn", torch.cat(both, 1))

    def unit(self, w, name, first, x, stride, dilation):
        x = self.conv(w, f"{name}.{first + 1}", self.relu(x), stride=stride, padding=dilation,
                      dilation=dilation, groups=x.shape[1])
        return self.bn(w, f"{name}.{first + 3}", self.conv(w, f"{name}.{first + 2}", x))

    def op(self, w, op, name, x, stride):
        name += "." + op
        if op == "none":
            return x[:, :, ::stride, ::stride] * 0
        if op == "max_pool_3x3":
            return self.bn(w, name + ".1", self.max_pool(x, stride))
        if op == "avg_pool_3x3":
            return self.bn(w, name + ".1", F.avg_pool2d(x, 3, stride, 1, count_include_pad=False))
        if op == "skip_connect":
            return x if stride == 1 else self.factorised_reduce(w, name, x)
        if op == "dil_conv_3x3":
            return self.unit(w, name, 0, x, stride, 2)
        return self.unit(w, name, 4, self.unit(w, name, 0, x, stride, 1), 1, 1)

    def cell(self, w, name, weights, states, stride):
        for node in (2, 3):
            total = 0
            for e, (source, to) in enumerate(EDGES):
                if to == node:
                    step = stride if source < 2 else 1
                    total = total + sum(
                        p * self.op(w, op, f"{name}.{source}-{to}", states[source], step)
                        for p, op in zip(weights[e], OPS))
            states.append(total)
        return torch.cat(states[2:], 1)

    def loss(self, w, batch):
        images, labels = batch
        weights = [F.softmax(a, dim=-1) for a in self.alphas]
        x = self.conv(w, "stem.conv", images, padding=1)
        before = last = self.bn(w, "stem.bn", x.contiguous(memory_format=self.format))
        for i, kind in enumerate(CELLS):
            name, reduction = f"cells.{i}.{kind}", kind == "reduction"
            first = self.factorised_reduce if i > 0 and CELLS[i - 1] == "reduction" \
                else self.relu_conv_bn
            states = [first(w, name + ".pre0", before), self.relu_conv_bn(w, name + ".pre1", last)]
            before, last = last, self.cell(w, name, weights[int(reduction)], states,
                                           2 if reduction else 1)
        x = last.mean((2, 3))
        return F.cross_entropy(F.linear(x, w["head.linear.weight"], w["head.linear.bias"]), labels)


# ---- DARTS --------------------------------------------------------------------------------------
def grad_alpha(net, w, batch):
    return torch.autograd.grad(net.loss(w, batch), net.alphas)


def second_order(net, momentum, lr, train, valid):
    """architect.py: the gradient through one unrolled step, its second part by differences."""
    names = list(net.w)
    grads = torch.autograd.grad(net.loss(net.w, train), [net.w[n] for n in names])
    net.track = False
    ahead = {}
    with torch.no_grad():
        for n, g in zip(names, grads):
            ahead[n] = net.w[n] - lr * (MOMENTUM * momentum(n) + g + DECAY * net.w[n])
    for x in ahead.values():
        x.requires_grad_()
    found = torch.autograd.grad(net.loss(ahead, valid), net.alphas + [ahead[n] for n in names])
    direct, v = found[:2], found[2:]
    eps = 0.01 / torch.cat([x.reshape(-1) for x in v]).norm()
    side = [grad_alpha(net, {n: (net.w[n] + sign * eps * x).detach() for n, x in zip(names, v)},
                       train) for sign in (1, -1)]
    net.track = True
    return [d - lr * (p - m) / (2 * eps) for d, p, m in zip(direct, *side)]


class Run:
    """`turn` rotates the images of every batch: other roundings, the same mathematics."""

    def __init__(self, start, data, order, dtype, channels_last=False, turn=0):
        self.net, self.order, self.start = Net(start, dtype, channels_last), order, start
        self.turn = turn
        self.images, self.labels = torch.tensor(data[0]).to(dtype), torch.tensor(data[1])
        self.sgd = torch.optim.SGD(self.net.w.values(), LR, momentum=MOMENTUM, weight_decay=DECAY)
        self.adam = torch.optim.Adam(self.net.alphas, 3e-4, (0.5, 0.999), weight_decay=1e-3)

    def batch(self, name, step):
        at = np.roll(self.start[name].reshape(-1, BATCH)[step], self.turn).tolist()
        return self.images[at], self.labels[at]

    def momentum(self, name):
        w = self.net.w[name]
        buffer = self.sgd.state[w].get("momentum_buffer") if w in self.sgd.state else None
        return torch.zeros_like(w) if buffer is None else buffer

    def alpha_gradient(self, step, lr):
        train, valid = self.batch("train", step), self.batch("valid", step)
        if self.order == "first":
            return grad_alpha(self.net, self.net.w, valid)
        return second_order(self.net, self.momentum, lr, train, valid)

    def step(self, step):
        epoch = step // (STEPS // EPOCHS)
        lr = LR_MIN + (LR - LR_MIN) * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
        self.sgd.param_groups[0]["lr"] = lr
        for a, g in zip(self.net.alphas, self.alpha_gradient(step, lr)):
            a.grad = g
        self.adam.step()
        self.sgd.zero_grad()
        loss = self.net.loss(self.net.w, self.batch("train", step))
        for w, g in zip(self.net.w.values(),
                        torch.autograd.grad(loss, list(self.net.w.values()))):
            w.grad = g
        torch.nn.utils.clip_grad_norm_(self.net.w.values(), CLIP)
        self.sgd.step()
        self.net.track = False
        with torch.no_grad():
            probe = self.net.loss(self.net.w, self.batch("probe", 0))
        self.net.track = True
        return {"train": [loss.item()], "probe": [probe.item()],
                "alpha": flat(self.net.alphas), "weights": project(flat(self.net.w.values())),
                "statistics": project(flat(self.net.b.values()))}

    def all(self):
        steps = [self.step(s) for s in range(STEPS)]
        return {k: np.array([s[k] for s in steps], np.float64) for k in steps[0]}


def flat(tensors):
    return torch.cat([x.detach().contiguous().reshape(-1) for x in tensors]).double().numpy()


def project(x):
    h = np.arange(len(x) * PROJECTIONS, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)

    def mixed(h, factor):
        return (h * np.uint64(factor)) & mask
    h = mixed(h & mask, 2654435761)
    h = mixed(h ^ (h >> np.uint64(15)), 0x85ebca6b)
    h = mixed(h ^ (h >> np.uint64(13)), 0xc2b2ae35)
    h = h ^ (h >> np.uint64(16))
    signs = (h & np.uint64(1)).astype(np.float64) * 2 - 1
    return x @ signs.reshape(len(x), PROJECTIONS)


def distances(x, expected):
    return np.linalg.norm(x - expected, axis=1) / np.linalg.norm(expected, axis=1)


# ---- the first step alone -----------------------------------------------------------------------
def first_gradients(start, data, dtype):
    out, masks = {}, []
    for order in ("first", "second"):
        run = Run(start, data, order, dtype)
        run.net.decisions = masks
        out[order] = flat(run.alpha_gradient(0, LR))
    run.net.track = False
    loss = run.net.loss(run.net.w, run.batch("train", 0))
    out["weights"] = flat(torch.autograd.grad(loss, list(run.net.w.values())))
    return out, masks


def gradients(start, data):
    exact, a = first_gradients(start, data, torch.float64)
    single, b = first_gradients(start, data, torch.float32)
    flips = sum(int((x != y).sum()) for x, y in zip(a, b))
    print(f"first step: {flips} of {sum(x.size for x in a)} decisions differ")
    for name, x in exact.items():
        off = np.linalg.norm(single[name] - x) / np.linalg.norm(x)
        print(f"  gradient {name:8} norm {np.linalg.norm(x):.4g}, float32 is {off:.2e} away")
    second = np.linalg.norm(exact["second"] - exact["first"]) / np.linalg.norm(exact["second"])
    print(f"  second order differs from first by {second:.3g}")
    exact["weights"] = exact["weights"].astype(np.float32)
    return flips, {"gradient." + k: x for k, x in exact.items()}


def main():
    torch.set_num_threads(1)
    start = read_tensors(FOLDER + "steps_start.safetensors")
    data = read_digits(start["scale"][0])
    flips, out = gradients(start, data)
    for order in ("first", "second"):
        exact = Run(start, data, order, torch.float64).all()
        singles = [Run(start, data, order, torch.float32, k % 2 == 1, 3 * k).all()
                   for k in range(RUNS)]
        for what, x in exact.items():
            off = np.array([distances(s[what], x) for s in singles])
            out[f"{order}.{what}"] = x
            out[f"{order}.{what}.median"] = np.median(off, axis=0)
            out[f"{order}.{what}.largest"] = np.maximum.accumulate(off.max(axis=0))
            for name in ("median", "largest"):
                print(f"{order} {what:10} {name:7}",
                      " ".join(f"{v:.0e}" for v in out[f"{order}.{what}.{name}"]))
        print(order, "training loss", np.round(exact["train"][:, 0], 4).tolist())
    if flips:
        sys.exit("decisions flip in the first step: choose another seed; nothing written")
    write_tensors(FOLDER + "steps.safetensors", out)


if __name__ == "__main__":
    main()
