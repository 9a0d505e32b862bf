#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Weights from PyTorch to Dartboard and back.

  weights.py              writes goldens/weights.safetensors: the state dict of a small network after
                          a few training steps, an input (NHWC) and its logits in eval mode.
                          tests/engine/test_weights.c reads it, computes the logits, and writes the
                          same tensors again.
  weights.py --check FILE loads FILE, written by Dartboard (DARTBOARD_WEIGHTS_DUMP=FILE
                          .../test_weights), with load_state_dict(strict=True) and compares logits.
"""
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, "tests/reference")
from supernet_steps import read_tensors, write_tensors  # noqa: E402

GOLDEN = "tests/reference/goldens/weights.safetensors"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.dw = nn.Conv2d(8, 8, 5, 2, 2, groups=8, bias=False)
        self.pw = nn.Conv2d(8, 12, 1, groups=2)
        self.norm = nn.LayerNorm(12)
        self.attn = nn.MultiheadAttention(12, 3, batch_first=True)
        self.fc = nn.Linear(12 * 5 * 4, 7)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.pw(self.dw(x))
        n, c, h, w = x.shape
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        x = self.attn(tokens, tokens, tokens, need_weights=False)[0].transpose(1, 2)
        return self.fc(x.reshape(n, c, h, w).flatten(1))


def make():
    torch.manual_seed(1)
    net, x = Net(), torch.randn(4, 3, 9, 8)
    opt = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for step in range(3):
        opt.zero_grad()
        F.cross_entropy(net(x), torch.arange(4) + step).backward()
        opt.step()
    net.eval()
    out = {name: t.numpy() for name, t in net.state_dict().items()}
    out["test.input"] = x.permute(0, 2, 3, 1).contiguous().numpy()
    with torch.no_grad():
        out["test.logits"] = net(x).numpy()
    write_tensors(GOLDEN, out)


def check(path):
    golden, net = read_tensors(GOLDEN), Net()
    state = {name: torch.tensor(x) for name, x in read_tensors(path).items()}
    net.load_state_dict(state, strict=True)
    net.eval()
    x = torch.tensor(golden["test.input"]).permute(0, 3, 1, 2)
    with torch.no_grad():
        far = float((net(x) - torch.tensor(golden["test.logits"])).abs().max())
    print(f"{len(state)} tensors, logits differ by at most {far:.2g}")
    sys.exit(not far < 1e-6)


if __name__ == "__main__":
    check(sys.argv[2]) if sys.argv[1:2] == ["--check"] else make()
