# SPDX-License-Identifier: MIT
"""Writes tests/reference/goldens/optim.txt: weights after steps of torch's optimisers, float32.

By hand: python tests/reference/make_optim.py > tests/reference/goldens/optim.txt
"""
import numpy as np
import torch

from make_goldens import lcg

torch.set_default_dtype(torch.float32)
N, STEPS = 7, 4


def tensor(seed):
    return torch.tensor(lcg(N, seed).astype(np.float32))


def run(name, make):
    w = tensor(1).requires_grad_()
    opt = make([w])
    for step in range(STEPS):
        w.grad = tensor(10 + step)
        opt.step()
    print(name, *("%.9g" % v for v in w.tolist()))


run("sgd", lambda p: torch.optim.SGD(p, lr=0.05, foreach=False))
run("momentum", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=3e-4, foreach=False))
run("nesterov", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True, foreach=False))
run("adam", lambda p: torch.optim.Adam(p, lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3, foreach=False))
run("adam_plain", lambda p: torch.optim.Adam(p, lr=1e-2, foreach=False))
run("adamw", lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.05, foreach=False))
for limit in (0.5, 100.0):
    w = tensor(1).requires_grad_()
    w.grad = tensor(10)
    norm = torch.nn.utils.clip_grad_norm_([w], limit)
    print("clip%g" % limit, "%.9g" % norm, *("%.9g" % v for v in w.grad.tolist()))
opt = torch.optim.SGD([tensor(1).requires_grad_()], lr=0.025)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 50, eta_min=0.001)
rates = []
for _ in range(50):
    rates.append(opt.param_groups[0]["lr"])
    opt.step()
    sched.step()
print("cosine", *("%.12g" % rates[i] for i in (0, 1, 10, 25, 49)))
