"""Writes layers.fixtures.json: what PyTorch's layers and losses compute. Run with PyTorch installed: python3 layers.fixtures.py"""
import json
import math
import os
import re
import torch
import torch.nn as nn

def camel(name):
    return re.sub("_([a-z0-9])", lambda m: m.group(1).upper(), name)

def smooth(*shape, shift=0.0, scale=1.0):
    """Numbers without pattern that JavaScript can make as well."""
    n = math.prod(shape)
    return torch.tensor([scale * math.sin(1.3 * i + shift) + 0.1 for i in range(n)], dtype=torch.float64).float().reshape(shape)

def values(t):
    data = t.detach().flatten().tolist()
    if t.dtype == torch.float32:
        data = [float("%.9g" % x) for x in data]  # enough to name every float32
    return {"shape": list(t.shape), "dtype": str(t.dtype)[6:], "data": data}

cases = []

def case(kind, args, kwargs, inputs, train=True, grad=True, float64=False):
    tuples = [tuple(a) if isinstance(a, list) else a for a in args]
    module = getattr(nn, kind)(*tuples, **{k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()})
    if float64:
        module.double()
    with torch.no_grad():
        for k, (name, p) in enumerate(module.named_parameters()):
            p.copy_(smooth(*p.shape, shift=0.7 * k, scale=0.5))
        for name, b in module.named_buffers():
            if b.is_floating_point():
                b.copy_(smooth(*b.shape, scale=0.2).abs() + 0.5)
    state = [[n, values(v)] for n, v in module.state_dict().items()]
    module.train(train)
    xs = [x.double() if float64 and x.is_floating_point() else x for x in inputs]
    if grad and xs[0].is_floating_point():
        xs[0] = xs[0].clone().requires_grad_()
    out = module(*xs)
    record = {"type": kind, "args": args, "kwargs": {camel(k): v for k, v in kwargs.items()}, "repr": str(module),
              "state": state, "training": train, "inputs": [values(x) for x in xs], "out": values(out)}
    if grad and out.requires_grad:
        g = smooth(*out.shape, shift=0.4)
        out.backward(g.to(out.dtype))
        if xs[0].is_floating_point():
            record["gradInput"] = values(xs[0].grad)
        record["gradParameters"] = [[n, values(p.grad)] for n, p in module.named_parameters()]
    record["buffersAfter"] = [[n, values(b)] for n, b in module.named_buffers()]
    cases.append(record)

image = smooth(2, 2, 5, 6)
case("Linear", [3, 2], {}, [smooth(4, 3)])
case("Linear", [3, 2], {"bias": False}, [smooth(2, 2, 3)])
case("Linear", [3, 2], {}, [smooth(3)], float64=True)
case("Conv2d", [2, 3, 3], {}, [image])
case("Conv2d", [2, 4, [3, 2]], {"stride": [2, 1], "padding": [1, 0], "bias": False}, [image])
case("Conv2d", [2, 2, 2], {"dilation": [1, 2], "padding": 1}, [image])
case("Conv2d", [2, 4, 3], {"groups": 2, "padding": "same"}, [image])
for mode in ["reflect", "replicate", "circular"]:
    case("Conv2d", [2, 2, 3], {"padding": 1, "padding_mode": mode}, [image])
case("Conv2d", [2, 3, 3], {}, [image[0]])
case("MaxPool2d", [2], {}, [image])
case("MaxPool2d", [[3, 2]], {"stride": 2, "padding": 1, "ceil_mode": True}, [image])
case("MaxPool2d", [2], {"stride": 1, "dilation": 2}, [image])
case("AvgPool2d", [2], {}, [image])
case("AvgPool2d", [3], {"stride": 2, "padding": 1, "count_include_pad": False}, [image])
case("AdaptiveAvgPool2d", [1], {}, [image])
case("AdaptiveAvgPool2d", [[2, 4]], {}, [image])
case("BatchNorm1d", [3], {}, [smooth(4, 3)])
case("BatchNorm1d", [3], {}, [smooth(2, 3, 4)], train=False)
case("BatchNorm2d", [2], {}, [image])
case("BatchNorm2d", [2], {"momentum": None}, [image])
case("BatchNorm2d", [2], {"affine": False, "track_running_stats": False}, [image])
case("BatchNorm2d", [2], {"eps": 0.001}, [image], train=False)
case("LayerNorm", [6], {}, [smooth(2, 5, 6)])
case("LayerNorm", [[5, 6]], {"elementwise_affine": False}, [image])
case("Dropout", [0.5], {}, [smooth(2, 3)], train=False)
case("Embedding", [5, 3], {}, [torch.tensor([[0, 4], [2, 2]])])
case("Embedding", [5, 3], {"padding_idx": 2}, [torch.tensor([1, 2, 1])])
case("Flatten", [], {}, [image])
case("Flatten", [], {"start_dim": 0, "end_dim": 1}, [image])
for name in ["ReLU", "Sigmoid", "Tanh", "GELU"]:
    case(name, [], {}, [smooth(2, 5, scale=2.0)])
case("GELU", [], {"approximate": "tanh"}, [smooth(2, 5, scale=2.0)])
case("Softmax", [], {"dim": 1}, [smooth(2, 5)])
case("LogSoftmax", [], {"dim": 0}, [smooth(2, 5)])
x, y = smooth(3, 4), smooth(3, 4, shift=1.0)
p, q = torch.sigmoid(smooth(3, 4)), torch.sigmoid(smooth(3, 4, shift=2.0))
labels = torch.tensor([1, 3, 0])
for reduction in ["mean", "sum", "none"]:
    case("MSELoss", [], {"reduction": reduction}, [x, y])
    case("L1Loss", [], {"reduction": reduction}, [x, y])
    case("CrossEntropyLoss", [], {"reduction": reduction}, [x, labels])
    case("NLLLoss", [], {"reduction": reduction}, [torch.log_softmax(x, 1), labels])
    case("BCELoss", [], {"reduction": reduction}, [p, q])
    case("BCEWithLogitsLoss", [], {"reduction": reduction}, [x, q])
case("CrossEntropyLoss", [], {"ignore_index": 3}, [x, labels])
case("CrossEntropyLoss", [], {"label_smoothing": 0.1}, [x, labels])
case("CrossEntropyLoss", [], {}, [smooth(2, 3, 2, 2), torch.tensor([[[0, 1], [2, 0]], [[1, 1], [2, 2]]])])
case("CrossEntropyLoss", [], {}, [x, torch.softmax(y, 1)])
case("NLLLoss", [], {}, [torch.log_softmax(smooth(2, 3, 4), 1), torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])])

pooled, where = torch.nn.functional.max_pool2d(image, 2, return_indices=True)
case("MaxUnpool2d", [2], {}, [pooled, where])
case("LPPool2d", [2, 2], {}, [image.abs() + 0.5])
case("LocalResponseNorm", [3], {"alpha": 0.5, "k": 2.0}, [smooth(2, 4, 3, 3)])
case("CrossMapLRN2d", [2], {}, [smooth(2, 4, 3, 3)])
case("CrossMapLRN2d", [5], {"alpha": 0.5, "beta": 0.6, "k": 2}, [smooth(2, 7, 2, 3)])
case("CrossMapLRN2d", [4], {"alpha": 0.5}, [smooth(1, 6, 2, 2)])
case("LPPool1d", [3, 2], {"stride": 1}, [smooth(2, 5).abs() + 0.5])
for mode in ["sum", "mean", "max"]:
    case("EmbeddingBag", [5, 3], {"mode": mode, "padding_idx": 2}, [torch.tensor([0, 4, 2, 2, 1]), torch.tensor([0, 0, 3])])
case("EmbeddingBag", [5, 3], {}, [torch.tensor([[0, 4], [2, 2]])])
for mode in ["nearest", "bilinear", "bicubic"]:
    case("Upsample", [], {"scale_factor": 1.7, "mode": mode}, [image])
case("Upsample", [], {"size": [3, 9], "mode": "bilinear", "align_corners": True}, [image])
case("UpsamplingNearest2d", [], {"scale_factor": 2}, [image])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.fixtures.json"), "w") as f:
    f.write("[\n" + ",\n".join("  " + json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases of PyTorch", torch.__version__)
