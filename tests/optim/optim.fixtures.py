"""Writes optim.fixtures.json: what PyTorch's optimizers and schedulers do. Run with PyTorch 1.13 installed: python3 optim.fixtures.py"""
import json
import math
import os
import re
import torch
from torch.optim import lr_scheduler

def camel(name):
    if name.startswith("T_"):
        return "T" + name[2:].capitalize()
    return re.sub("_([a-z0-9])", lambda m: m.group(1).upper(), name)

def camel_keys(options):
    return {camel(k): v for k, v in options.items()}

def smooth(n, shift):
    """Numbers without pattern that JavaScript can make as well."""
    return torch.tensor([math.sin(1.3 * i + shift) + 0.1 for i in range(n)], dtype=torch.float64)

def numbers(t):
    data = t.detach().flatten().tolist()
    return [float("%.9g" % x) for x in data] if t.dtype == torch.float32 else data

STEPS = 6
optimizers = []

def optimizer(kind, options, second=None, dtype=torch.float32):
    """Two parameters of (2, 3) and (4,), the second in a group with options of its own where `second` is given."""
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    params = [smooth(6, 0.2).to(dtype).reshape(2, 3).requires_grad_(), smooth(4, 0.5).to(dtype).requires_grad_()]
    groups = params if second is None else [{"params": [params[0]]}, {"params": [params[1]], **second}]
    opt = getattr(torch.optim, kind)(groups, **options)
    text = str(opt)
    for k in range(STEPS):
        for i, p in enumerate(params):
            p.grad = smooth(p.numel(), 0.9 * k + i).to(dtype).reshape(p.shape)
        opt.step()
    state = [[[n, numbers(v) if torch.is_tensor(v) else v] for n, v in opt.state[p].items()] for p in params]
    optimizers.append({"type": kind, "options": camel_keys(options), "second": second and camel_keys(second),
                       "dtype": str(dtype)[6:], "repr": text, "params": [numbers(p) for p in params], "state": state,
                       "groups": [[k for k in g if k != "params"] for g in opt.state_dict()["param_groups"]]})

optimizer("SGD", {"lr": 0.1})
optimizer("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "dampening": 0.3, "maximize": True})
optimizer("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"lr": 0.5, "momentum": 0.2})
optimizer("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}, dtype=torch.float64)
optimizer("Adam", {})
optimizer("Adam", {"lr": 0.1, "betas": [0.8, 0.95], "weight_decay": 0.1, "amsgrad": True, "maximize": True}, {"lr": 0.2})
optimizer("AdamW", {"lr": 0.1})
optimizer("AdamW", {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True, "eps": 1e-4}, dtype=torch.float64)
optimizer("RMSprop", {"lr": 0.1, "alpha": 0.9})
optimizer("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True})
optimizer("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5})
optimizer("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1})
optimizer("Adamax", {"lr": 0.1, "weight_decay": 0.1})
optimizer("NAdam", {"lr": 0.1, "weight_decay": 0.1})
optimizer("RAdam", {"lr": 0.1, "weight_decay": 0.1})
optimizer("ASGD", {"lr": 0.1, "t0": 2, "weight_decay": 0.1})
optimizer("Rprop", {"lr": 0.1, "etas": [0.4, 1.3], "step_sizes": [1e-3, 0.15]})

schedulers = []

def scheduler(kind, options, epochs=12, optimizer_kind="SGD", **settings):
    made = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    opt = getattr(torch.optim, optimizer_kind)([{"params": [made[0]]}, {"params": [made[1]], "lr": 0.5}], lr=0.1, **settings)
    sched = getattr(lr_scheduler, kind)(opt, **options)
    momentum = lambda g: g["momentum"] if "momentum" in g else g["betas"][0]
    rows = []
    for k in range(epochs):
        rows.append([[g["lr"], momentum(g)] for g in opt.param_groups])
        opt.step()
        sched.step()
    schedulers.append({"type": kind, "options": camel_keys(options), "optimizer": optimizer_kind, "settings": settings, "rows": rows})

scheduler("StepLR", {"step_size": 3})
scheduler("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.5})
scheduler("ConstantLR", {"factor": 0.25, "total_iters": 4})
scheduler("LinearLR", {"start_factor": 0.5, "end_factor": 0.1, "total_iters": 7})
scheduler("ExponentialLR", {"gamma": 0.8})
scheduler("PolynomialLR", {"total_iters": 8, "power": 2})
scheduler("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01})
scheduler("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2, "eta_min": 0.01})
scheduler("CyclicLR", {"base_lr": 0.1, "max_lr": [0.5, 0.7], "step_size_up": 2, "step_size_down": 3, "mode": "triangular2"}, momentum=0.9)
scheduler("CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 2, "mode": "exp_range", "gamma": 0.9, "cycle_momentum": False})
scheduler("OneCycleLR", {"max_lr": 0.5, "total_steps": 12}, momentum=0.9)
scheduler("OneCycleLR", {"max_lr": [0.5, 0.3], "epochs": 4, "steps_per_epoch": 3, "anneal_strategy": "linear", "three_phase": True}, optimizer_kind="Adam")

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "optim.fixtures.json"), "w") as f:
    f.write(json.dumps({"steps": STEPS, "optimizers": optimizers, "schedulers": schedulers}))
    f.write("\n")

# A checkpoint as PyTorch writes it after three steps, and where the parameter is after three more.
def steps(param, opt, sched, which):
    for k in which:
        param.grad = smooth(6, 0.9 * k).float().reshape(2, 3)
        opt.step()
        sched.step()

def fresh():
    param = smooth(6, 0.2).float().reshape(2, 3).requires_grad_()
    opt = torch.optim.Adam([param], lr=0.1, amsgrad=True)
    return param, opt, lr_scheduler.MultiStepLR(opt, [1, 4])

param, opt, sched = fresh()
steps(param, opt, sched, range(3))
later = fresh()
steps(*later, range(6))
os.makedirs(os.path.join(here, "fixtures"), exist_ok=True)
torch.save({"param": param.detach(), "optimizer": opt.state_dict(), "scheduler": sched.state_dict(), "later": later[0].detach()},
           os.path.join(here, "fixtures", "adam_1.13.pt"))
