#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The alpha gradient of GDAS in PyTorch, for tests/search/test_gdas.c: the supernet of tiny_nb201
(tests/support/tiny_space.h) with Dartboard's weights, in float64.

By hand, from the root of the tree, after a change of that net or of its initial values:
    DARTBOARD_GDAS_DUMP=tests/reference/goldens/gdas_start.safetensors build/release/tests/search/test_gdas
    python3 tests/reference/gdas_gradient.py

An edge of a cell is what AutoDL-Projects computes (xautodl/models/cell_searchs/search_cells.py,
forward_gdas): the sampled operator times its weight, plus the weights of the others as numbers.
Reads gdas_start.safetensors, writes gdas.safetensors: loss and gradient of every sample.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, "tests/reference")
from supernet_steps import FOLDER, read_tensors, write_tensors  # noqa: E402

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
W = {}


def bn(name, x):
    return F.batch_norm(x, None, None, W.get(name + ".weight"), W.get(name + ".bias"), True)


def conv(name, x, **options):
    return F.conv2d(x, W[name + ".weight"], **options)


def operator(k, prefix, x):
    if k == 0:
        return x * 0.0
    if k == 1:
        return bn("", F.max_pool2d(x, 3, 1, 1))
    if k == 2:
        return x
    name = prefix + ".sep_conv_3x3"
    x = conv(name + ".1", F.relu(x), padding=1, groups=x.shape[1])
    return bn(name + ".3", conv(name + ".2", x))


def cell(index, x, hard, chosen):
    nodes = [x]
    for to in (1, 2, 3):
        total = 0
        for e, (a, b) in enumerate(EDGES):
            if b != to:
                continue
            prefix = f"cells.{index}.cell.{a}-{b}"
            for k in range(4):
                total = total + (hard[e, k] * operator(k, prefix, nodes[a])
                                 if k == chosen[e] else hard[e, k])
        nodes.append(total)
    return nodes[3]


def residual(name, x):
    y = bn(name + ".conv_a.bn", conv(name + ".conv_a.conv", F.relu(x), stride=2, padding=1))
    y = bn(name + ".conv_b.bn", conv(name + ".conv_b.conv", F.relu(y), padding=1))
    return y + conv(name + ".down", F.avg_pool2d(x, 2))


def loss_of(images, labels, hard, chosen):
    x = bn("stem.bn", conv("stem.conv", images, padding=1))
    x = cell(0, x, hard, chosen)
    x = cell(1, residual("residual.1", x), hard, chosen)
    x = F.relu(bn("last.bn", x)).mean((2, 3))
    return F.cross_entropy(F.linear(x, W["head.linear.weight"], W["head.linear.bias"]), labels)


def main():
    start = read_tensors(FOLDER + "gdas_start.safetensors")
    W.update({name[2:]: torch.tensor(x).double() for name, x in start.items()
              if name.startswith("w.")})
    images = torch.tensor(start["images"]).double().reshape(-1, 1, 8, 8)
    labels = torch.tensor(start["labels"]).long()
    losses, gradients = [], []
    for noise, tau in zip(start["noise"].reshape(-1, 6, 4), start["tau"]):
        alpha = torch.tensor(start["alpha"]).double().reshape(6, 4).requires_grad_()
        soft = F.softmax((alpha.log_softmax(1) + torch.tensor(noise).double()) / tau, 1)
        chosen = soft.argmax(1)
        hard = F.one_hot(chosen, 4) - soft.detach() + soft
        loss = loss_of(images, labels, hard, chosen.tolist())
        loss.backward()
        losses.append(loss.item())
        gradients.append(alpha.grad.numpy())
    write_tensors(FOLDER + "gdas.safetensors",
                  {"loss": np.array(losses), "gradient": np.stack(gradients)})


if __name__ == "__main__":
    main()
