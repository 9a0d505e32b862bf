# SPDX-License-Identifier: MIT
"""Writes tests/reference/goldens/NAME.golden for every NAME.net there, by PyTorch in float64.

By hand, from the root of the tree, after a change of the set of networks:
    cc -I. -D_GNU_SOURCE -o make_nets tests/reference/make_nets.c <objects of base, layer, engine, kernel>
    ./make_nets tests/reference/goldens
    python tests/reference/make_goldens.py tests/reference/goldens

Weights, images and mixing weights come from one small generator (lcg) that the C test repeats, so
only results are stored: the loss, and for every gradient its norm and its product with a fixed
vector, in PyTorch's order of elements.
"""
import glob
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

BATCH = 5
torch.set_default_dtype(torch.float64)


def lcg(n, seed):
    out = np.empty(n)
    s = seed & 0xFFFFFFFF
    for i in range(n):
        s = (s * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = np.float32(np.float32(s >> 8) / np.float32(8388608.0) - np.float32(1))
    return out


def name_hash(text):
    h = 2166136261
    for b in text.encode():
        h = ((h ^ b) * 16777619) & 0xFFFFFFFF
    return h


def parse(path):
    net = {"tables": [], "nodes": [("input", "input", {}, [])]}
    for line in open(path):
        words = line.split()
        if words[0] == "input":
            net["input"] = [int(w) for w in words[1:]]
        elif words[0] == "table":
            net["tables"].append((words[1], int(words[2]), int(words[3])))
        else:
            attr = dict(w.split("=") for w in words[2:])
            ins = [int(i) for i in attr.pop("in", "").split(",") if i]
            net["nodes"].append((words[0], words[1], attr, ins))
    return net


class Net:
    def __init__(self, net):
        self.net = net
        self.params = {}
        self.buffers = {}
        h, w, c = net["input"]
        x = lcg(BATCH * h * w * c, 100).reshape(BATCH, h, w, c)
        self.images = torch.tensor(x).permute(0, 3, 1, 2)
        self.tables = [torch.tensor(lcg(r * k, 7 + t)).reshape(r, k).requires_grad_()
                       for t, (_, r, k) in enumerate(net["tables"])]

    def param(self, name, *shape):
        if name not in self.params:
            n = math.prod(shape)
            u = lcg(n, name_hash(name))
            if len(shape) > 1:
                u = u * np.float32(math.sqrt(3.0 / (n // shape[0])))
            else:
                u = 1 + np.float32(0.3) * u if name.endswith(".weight") else np.float32(0.2) * u
            self.params[name] = torch.tensor(np.float32(u).astype(float)).reshape(shape).requires_grad_()
        return self.params[name]

    def buffer(self, name, n, one):  # equal for all layers: merged batch norms share theirs
        if name not in self.buffers:
            u = lcg(n, 11 + one)
            u = one + np.float32(0.3) * u
            self.buffers[name] = torch.tensor(np.float32(u).astype(float))
        return self.buffers[name]

    def pads(self, a, x, k):
        """Padding (left, right, top, bottom) and the effective numbers of a window."""
        s, d, p = int(a.get("stride", 1)), int(a.get("dilation", 1)), int(a.get("pad", 0))
        win = d * (k - 1) + 1
        out = []
        for size in (x.shape[3], x.shape[2]):
            if p == -1:
                out += [(win - 1) // 2] * 2
            elif p == -2:
                total = max((-(-size // s) - 1) * s + win - size, 0)
                out += [total // 2, total - total // 2]
            else:
                out += [p, p]
        return out, s, d

    def conv(self, name, a, x, groups=None):
        k = int(a.get("kernel", 1))
        g = groups or int(a.get("groups", 1))
        oc = groups or int(a["channels"])
        pad, s, d = self.pads(a, x, k)
        w = self.param(name + ".weight", oc, x.shape[1] // g, k, k)
        b = self.param(name + ".bias", oc) if a.get("bias") else None
        return F.conv2d(F.pad(x, pad), w, b, stride=s, dilation=d, groups=g)

    def pool(self, kind, a, x):
        k = int(a["kernel"])
        pad, s, _ = self.pads(a, x, k)
        if kind == "max_pool":
            return F.max_pool2d(F.pad(x, pad, value=-math.inf), k, s)
        total = F.avg_pool2d(F.pad(x, pad), k, s) * (k * k)
        if a.get("count_pad"):
            return total / (k * k)
        ones = F.avg_pool2d(F.pad(torch.ones_like(x), pad), k, s) * (k * k)
        return total / ones.round()

    def norm(self, name, a, x, train):
        c = x.shape[1]
        w = self.param(name + ".weight", c) if a.get("affine") else None
        b = self.param(name + ".bias", c) if a.get("affine") else None
        mean = self.buffer(name + ".running_mean", c, 0)
        var = self.buffer(name + ".running_var", c, 1)
        return F.batch_norm(x, mean, var, w, b, train, float(a.get("momentum", 0.1)),
                            float(a.get("eps", 1e-5)))

    def attention(self, name, a, x):
        n, c, h, w = x.shape
        m = torch.nn.MultiheadAttention(c, int(a.get("heads", 1)), batch_first=True)
        seq = x.flatten(2).transpose(1, 2)
        order = {"in_proj_weight": (3 * c, c), "in_proj_bias": (3 * c,),
                 "out_proj.weight": (c, c), "out_proj.bias": (c,)}
        p = {k: self.param(f"{name}.{k}", *s) for k, s in order.items()}
        y, _ = torch.func.functional_call(m, p, (seq, seq, seq), {"need_weights": False})
        return y.transpose(1, 2).reshape(n, c, h, w)

    def layer(self, kind, name, a, xs, train):
        x = xs[0] if xs else None
        if kind == "conv":
            return self.conv(name, a, x)
        if kind == "depthwise":
            return self.conv(name, a, x, groups=x.shape[1])
        if kind == "batch_norm":
            return self.norm(name, a, x, train)
        if kind in ("max_pool", "avg_pool"):
            return self.pool(kind, a, x)
        if kind == "attention":
            return self.attention(name, a, x)
        if kind == "linear":
            flat = x.flatten(1)
            w = self.param(name + ".weight", int(a["channels"]), flat.shape[1])
            b = self.param(name + ".bias", int(a["channels"]))
            return F.linear(flat, w, b)[:, :, None, None]
        if kind == "layer_norm":
            w = self.param(name + ".weight", x.shape[1]) if a.get("affine") else None
            b = self.param(name + ".bias", x.shape[1]) if a.get("affine") else None
            y = F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), w, b, float(a.get("eps", 1e-5)))
            return y.permute(0, 3, 1, 2)
        return self.plain(kind, a, xs)

    def plain(self, kind, a, xs):
        x = xs[0]
        stride = int(a.get("stride", 1))
        start, width = int(a.get("slice_from", 0)), int(a.get("channels", 0))
        groups = int(a.get("groups", 1))
        n, c, h, w = x.shape
        return {
            "relu": lambda: F.relu(x), "relu6": lambda: F.relu6(x),
            "hswish": lambda: F.hardswish(x), "swish": lambda: F.silu(x),
            "sigmoid": lambda: torch.sigmoid(x), "gelu": lambda: F.gelu(x),
            "global_pool": lambda: x.mean((2, 3), keepdim=True),
            "flatten": lambda: x.flatten(1)[:, :, None, None],
            "add": lambda: sum(xs[1:], xs[0]), "scale": lambda: xs[0] * xs[1],
            "concat": lambda: torch.cat(xs, 1), "identity": lambda: x,
            "slice": lambda: x[:, start:start + width],
            "shuffle": lambda: x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w),
            "zero": lambda: x[:, :, ::stride, ::stride] * 0,
            "shift": lambda: F.pad(x[:, :, 1:, 1:], (0, 1, 0, 1)),
        }[kind]()

    def mix(self, a, xs):
        out = torch.zeros(BATCH, *[int(a["shape"].split(":")[i]) for i in (2, 0, 1)])
        for x, ref in zip(xs, a.get("refs", "").split(",")):
            t, r, k = (int(i) for i in ref.split(":"))
            out = out + x * (self.tables[t][r, k] if t >= 0 else 1.0)
        return out

    def needed(self):
        """Nodes that a loss reads: the engine runs no others."""
        nodes = self.net["nodes"]
        need = [kind == "loss" for kind, *_ in nodes]
        for i in range(len(nodes) - 1, -1, -1):
            for k in nodes[i][3] if need[i] else ():
                need[k] = True
        return need

    def run(self, train):
        values, losses, need = [self.images], [], self.needed()
        for at, (kind, name, a, ins) in enumerate(self.net["nodes"][1:], 1):
            if not need[at]:
                values.append(None)
                continue
            xs = [values[i] for i in ins]
            if kind == "mix":
                values.append(self.mix(a, xs))
            elif kind == "loss":
                z = xs[0].flatten(1)
                labels = torch.arange(BATCH) * 5 % z.shape[1]
                weight = float(a.get("weight", 0)) or 1.0
                one = F.cross_entropy(z, labels, label_smoothing=float(a.get("smoothing", 0)))
                losses.append((weight, one, z))
                values.append(one)
            else:
                values.append(self.layer(kind, name, a, xs, train))
        main = max(i for i, v in enumerate(losses) if v[0] == 1)
        if not train:
            losses = [losses[main]]
            main = 0
        return sum(w * v for w, v, _ in losses), losses[main][2]


def project(name, x):
    v = x.detach().numpy().reshape(-1)
    return float(np.sqrt((v * v).sum())), float((v * lcg(v.size, name_hash(name) ^ 12345)).sum())


def golden(path):
    lines = []
    for mode in ("train", "eval"):
        net = Net(parse(path))
        net.run(mode == "train")  # makes the parameters
        net.buffers.clear()
        loss, logits = net.run(mode == "train")
        loss.backward()
        lines.append(f"{mode} loss {loss.item():.12g}")
        lines.append(f"{mode} logits %.9g %.9g" % project("logits", logits))
        for name, p in net.params.items():
            g = torch.zeros_like(p) if p.grad is None else p.grad
            lines.append(f"{mode} {name} %.9g %.9g" % project(name, g))
        for t, p in enumerate(net.tables):
            g = torch.zeros_like(p) if p.grad is None else p.grad
            lines.append(f"{mode} table{t} %.9g %.9g" % project(f"table{t}", g))
        for name, b in net.buffers.items() if mode == "train" else ():
            lines.append(f"{mode} {name} %.9g %.9g" % project(name, b))
    with open(path.replace(".net", ".golden"), "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    for one in sorted(glob.glob(sys.argv[1] + "/*.net")):
        golden(one)
        print(one)
