"""A process that times PyTorch: the parent names a case and a duration, one JSON line each; the answer is a line that starts with '@'."""
import json
import os
import sys
import time
import warnings

import torch

warnings.filterwarnings("ignore")
torch.set_num_threads(int(os.environ["TORCH_THREADS"]))


def answer(value):
    print("@" + json.dumps(value), flush=True)


def run(step, seconds):
    start, cpu = time.perf_counter(), time.process_time()
    count = 0
    while True:
        step()
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            cpu = time.process_time() - cpu
            return {"us": elapsed / count * 1e6, "cpu": cpu / count * 1e6}


scope = {"torch": torch}
exec(open(sys.argv[1]).read(), scope)
cases = scope["cases"]
answer({"cases": list(cases), "version": torch.__version__})

current, step = None, None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if request["case"] != current:
            current, step = request["case"], None
            torch.manual_seed(0)
            step = cases[current]()
        answer(run(step, request["ms"] / 1000))
    except Exception as error:
        current, step = None, None
        answer({"error": f"{type(error).__name__}: {error}"})
