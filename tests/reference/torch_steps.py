#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyTorch's side of `dartboard bench --torch PYTHON`: one first-order search step of a supernet.

A step is what a DARTS search does with one pair of batches: forward and backward of the alpha
pass with Adam on the alphas, then forward and backward of the w pass with clipping and SGD on
the weights. Inputs are random and made once. Needs PyTorch only.

  torch_steps.py --net digits --threads 1 --format nchw --repeats 5

prints one JSON line {name, threads, format, seconds, peak_rss, ...}. With --serve the script
prints a line when it is warm, then a line {"seconds": ...} for every line it reads, until its
standard input ends: so two programs can take turns on one machine.
"""
import argparse
import json
import platform
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

DARTS_OPS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
             "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
DIGITS_OPS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
              "dil_conv_3x3")
NB201_OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")

# The same nets under the same names as in src/cmd/bench_nets.c.
NETS = {
    "digits": dict(kind="darts", channels=16, cells=3, nodes=3, reduce_at=(1,), ops=DIGITS_OPS,
                   input=(1, 8, 8)),
    "darts-4c8-1x8x8": dict(kind="darts", channels=8, cells=4, input=(1, 8, 8)),
    "darts-4c8-3x16x16": dict(kind="darts", channels=8, cells=4, input=(3, 16, 16)),
    "gdas-4c8-3x16x16": dict(kind="darts", channels=8, cells=4, input=(3, 16, 16), sampled=True),
    "nasbench201": dict(kind="nb201", channels=16, cells=5, input=(3, 32, 32)),
    "pc-darts-k4": dict(kind="darts", channels=16, cells=8, input=(3, 32, 32), partial=4),
    "darts": dict(kind="darts", channels=16, cells=8, input=(3, 32, 32)),
    "gdas": dict(kind="darts", channels=16, cells=8, input=(3, 32, 32), sampled=True),
}
CLASSES = 10


# ---- operators ----------------------------------------------------------------------------------
class ReluConvBn(nn.Sequential):
    def __init__(self, c_in, c_out, kernel, stride, affine=False):
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(c_out, affine=affine))


def depthwise_unit(c, kernel, stride, dilation):
    pad = dilation * (kernel - 1) // 2
    return [nn.ReLU(),
            nn.Conv2d(c, c, kernel, stride, pad, dilation, groups=c, bias=False),
            nn.Conv2d(c, c, 1, bias=False),
            nn.BatchNorm2d(c, affine=False)]


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x.mul(0.0) if self.stride == 1 else x[:, :, ::self.stride, ::self.stride].mul(0.0)


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.a = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.b = nn.Conv2d(c_in, c_out - c_out // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, affine=False)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.a(x), self.b(x[:, :, 1:, 1:])], dim=1))


def make_op(name, c, stride):
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c)
    if name == "max_pool_3x3":
        return nn.Sequential(nn.MaxPool2d(3, stride, 1), nn.BatchNorm2d(c, affine=False))
    if name == "avg_pool_3x3":
        return nn.Sequential(nn.AvgPool2d(3, stride, 1, count_include_pad=False),
                             nn.BatchNorm2d(c, affine=False))
    kind, kernel = name.split("_")[0], int(name[-1])
    if kind == "sep":
        return nn.Sequential(*depthwise_unit(c, kernel, stride, 1),
                             *depthwise_unit(c, kernel, 1, 1))
    return nn.Sequential(*depthwise_unit(c, kernel, stride, 2))


def make_nb201_op(name, c):
    if name == "none":
        return Zero(1)
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return ReluConvBn(c, c, int(name[-1]), 1)


def mix(ops, x, weights, sampled):
    """Weighted sum of all operators, or the one with a weight of 1 alone (its weight kept in the
    graph, so that its alpha gets a gradient)."""
    if sampled is None:
        return sum(w * op(x) for w, op in zip(weights, ops))
    return weights[sampled] * ops[sampled](x)


# ---- DARTS and PC-DARTS -------------------------------------------------------------------------
class MixedEdge(nn.Module):
    def __init__(self, names, c, stride, partial):
        super().__init__()
        self.partial, self.stride, self.width = partial, stride, c // partial
        self.ops = nn.ModuleList(make_op(name, self.width, stride) for name in names)

    def forward(self, x, weights, sampled):
        if self.partial == 1:
            return mix(self.ops, x, weights, sampled)
        out = mix(self.ops, x[:, :self.width], weights, sampled)
        rest = x[:, self.width:]
        if self.stride == 2:
            rest = F.max_pool2d(rest, 2, 2)
        out = torch.cat([out, rest], dim=1)
        n, c, h, w = out.shape
        out = out.view(n, self.partial, c // self.partial, h, w).transpose(1, 2)
        return out.reshape(n, c, h, w)


class DartsCell(nn.Module):
    def __init__(self, names, nodes, c_before, c_last, c, reduction, reduced, partial):
        super().__init__()
        self.nodes, self.reduction = nodes, reduction
        self.pre0 = FactorizedReduce(c_before, c) if reduced else ReluConvBn(c_before, c, 1, 1)
        self.pre1 = ReluConvBn(c_last, c, 1, 1)
        self.edges = nn.ModuleList(
            MixedEdge(names, c, 2 if reduction and source < 2 else 1, partial)
            for node in range(nodes) for source in range(2 + node))

    def forward(self, before, last, weights, beta, sampled):
        states, e = [self.pre0(before), self.pre1(last)], 0
        for _ in range(self.nodes):
            total = 0
            for x in states[:]:
                y = self.edges[e](x, weights[e], sampled[e] if sampled else None)
                total = total + (y if beta is None else beta[e] * y)
                e += 1
            states.append(total)
        return torch.cat(states[-self.nodes:], dim=1)


class Darts(nn.Module):
    def __init__(self, channels, cells, input, nodes=4, reduce_at=None, ops=DARTS_OPS, partial=1,
                 sampled=False):
        super().__init__()
        self.nodes, self.n_ops, self.is_sampled = nodes, len(ops), sampled
        reduce_at = (cells // 3, 2 * cells // 3) if reduce_at is None else reduce_at
        c, stem = channels, 3 * channels
        self.stem = nn.Sequential(nn.Conv2d(input[0], stem, 3, padding=1, bias=False),
                                  nn.BatchNorm2d(stem))
        self.cells, before, last, reduced = nn.ModuleList(), stem, stem, False
        for i in range(cells):
            reduction = i in reduce_at
            c *= 2 if reduction else 1
            self.cells.append(DartsCell(ops, nodes, before, last, c, reduction, reduced, partial))
            before, last, reduced = last, nodes * c, reduction
        self.classifier = nn.Linear(last, CLASSES)
        edges = sum(2 + node for node in range(nodes))
        self.alphas = [(1e-3 * torch.randn(edges, len(ops))).requires_grad_() for _ in range(2)]
        self.betas = [(1e-3 * torch.randn(edges)).requires_grad_() for _ in range(2)] \
            if partial > 1 else []
        generator = torch.Generator().manual_seed(1)
        self.orders = [[torch.randperm(len(ops), generator=generator).tolist()
                        for _ in range(edges)] for _ in range(2)]

    def architecture(self):
        return self.alphas + self.betas

    def edge_weights(self, t):
        if not self.betas:
            return None
        parts, start = [], 0
        for node in range(self.nodes):
            parts.append(F.softmax(self.betas[t][start:start + 2 + node], dim=0))
            start += 2 + node
        return torch.cat(parts)

    def mixing(self, t, step):
        p = F.softmax(self.alphas[t], dim=-1)
        if not self.is_sampled:
            return p, None
        # Every operator once on every edge in as many steps as there are operators.
        picks = [order[step % self.n_ops] for order in self.orders[t]]
        hard = torch.zeros_like(p).scatter_(1, torch.tensor(picks)[:, None], 1.0)
        return hard - p.detach() + p, picks

    def forward(self, x, step):
        mixing = [self.mixing(t, step) for t in range(2)]
        beta = [self.edge_weights(t) for t in range(2)]
        before = last = self.stem(x)
        for cell in self.cells:
            t = int(cell.reduction)
            before, last = last, cell(before, last, mixing[t][0], beta[t], mixing[t][1])
        return self.classifier(last.mean(dim=(2, 3)))


# ---- NAS-Bench-201 ------------------------------------------------------------------------------
class Nb201Cell(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleList(make_nb201_op(name, c) for name in NB201_OPS) for _ in range(6))

    def forward(self, x, weights):
        states, e = [x], 0
        for node in range(1, 4):
            total = 0
            for source in range(node):
                total = total + mix(self.edges[e], states[source], weights[e], None)
                e += 1
            states.append(total)
        return states[-1]


class Nb201Residual(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.a = ReluConvBn(c_in, c_out, 3, 2, affine=True)
        self.b = ReluConvBn(c_out, c_out, 3, 1, affine=True)
        self.down = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x):
        return self.down(x) + self.b(self.a(x))


class Nb201(nn.Module):
    def __init__(self, channels, cells, input):
        super().__init__()
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(input[0], c, 3, padding=1, bias=False),
                                  nn.BatchNorm2d(c))
        self.blocks = nn.ModuleList()
        for stage in range(3):
            if stage > 0:
                self.blocks.append(Nb201Residual(c, 2 * c))
                c *= 2
            self.blocks.extend(Nb201Cell(c) for _ in range(cells))
        self.last = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU())
        self.classifier = nn.Linear(c, CLASSES)
        self.alpha = (1e-3 * torch.randn(6, len(NB201_OPS))).requires_grad_()

    def architecture(self):
        return [self.alpha]

    def forward(self, x, step):
        weights = F.softmax(self.alpha, dim=-1)
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, weights) if isinstance(block, Nb201Cell) else block(x)
        return self.classifier(self.last(x).mean(dim=(2, 3)))


# ---- the step -----------------------------------------------------------------------------------
class Search:
    def __init__(self, name, batch, channels_last):
        torch.manual_seed(0)
        spec = dict(NETS[name])
        kind = spec.pop("kind")
        self.net = Darts(**spec) if kind == "darts" else Nb201(**spec)
        self.net.train()
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net = self.net.to(memory_format=layout)
        self.batches = []
        for _ in range(2):
            images = torch.randn(batch, *spec["input"]).contiguous(memory_format=layout)
            self.batches.append((images, torch.randint(0, CLASSES, (batch,))))
        self.weights = list(self.net.parameters())
        self.sgd = torch.optim.SGD(self.weights, lr=0.025, momentum=0.9, weight_decay=3e-4)
        self.adam = torch.optim.Adam(self.net.architecture(), lr=3e-4, betas=(0.5, 0.999),
                                     weight_decay=1e-3)
        self.count = 0

    def loss(self, which):
        images, labels = self.batches[which]
        return F.cross_entropy(self.net(images, self.count), labels)

    def step(self):
        """One step; its wall-clock seconds and the processor seconds of all threads."""
        began, cpu = time.perf_counter(), cpu_seconds()
        self.adam.zero_grad()
        self.loss(1).backward()
        self.adam.step()
        self.sgd.zero_grad()
        self.loss(0).backward()
        nn.utils.clip_grad_norm_(self.weights, 5.0)
        self.sgd.step()
        self.count += 1
        return dict(seconds=time.perf_counter() - began, cpu=cpu_seconds() - cpu)


def peak_rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def onednn_version():
    for line in torch.__config__.show().splitlines():
        if "MKL-DNN" in line or "oneDNN" in line:
            words = line.split()
            return next((w for w in words if w.startswith("v") and w[1:2].isdigit()), "unknown")
    return "none"


def say(record):
    print(json.dumps(record), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", required=True, choices=sorted(NETS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--format", choices=("nchw", "channels_last"), default="nchw")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--warmup", type=int, help="steps that are not counted")
    parser.add_argument("--serve", action="store_true", help="a step for every line read")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    base_rss = peak_rss()  # the library alone
    search = Search(args.net, args.batch, args.format == "channels_last")
    # Every sampled operator runs once before it counts, as on the other side.
    warmup = args.warmup or (8 if NETS[args.net].get("sampled") else 1)
    for _ in range(warmup):
        search.step()
    about = dict(name=args.net, threads=torch.get_num_threads(), format=args.format,
                 batch=args.batch, torch=torch.__version__, onednn=onednn_version(),
                 capability=torch.backends.cpu.get_cpu_capability(), python=platform.python_version(),
                 params=sum(w.numel() for w in search.weights), base_rss=base_rss)
    if args.serve:
        say(dict(about, ready=True))
        while sys.stdin.readline():
            say(dict(search.step(), peak_rss=peak_rss()))
    else:
        steps = [search.step() for _ in range(args.repeats)]
        say(dict(about, seconds=[s["seconds"] for s in steps], cpu=[s["cpu"] for s in steps],
                 peak_rss=peak_rss()))


if __name__ == "__main__":
    main()
