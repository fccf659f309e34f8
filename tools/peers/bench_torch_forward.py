#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time forward runs of torch.nn's RNN, GRU or LSTM over whole sequences under torch.inference_mode.

Random input (T, B, E); the median of the timed runs. tok_per_s counts length times batch. Prints one
JSON line. Needs PyTorch 2.
"""
import argparse
import json
import resource
import statistics
import time

import torch

CELLS = {"rnn": torch.nn.RNN, "gru_lbr": torch.nn.GRU, "lstm": torch.nn.LSTM}


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--cell", choices=CELLS, default="lstm")
    for name, value in (("input", 256), ("hidden", 256), ("layers", 2), ("length", 100), ("batch", 1),
                        ("threads", 2), ("warmup", 10), ("repeats", 50)):
        p.add_argument(f"--{name}", type=int, default=value, help="(%(default)s)")
    return p.parse_args()


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    net = CELLS[a.cell](a.input, a.hidden, a.layers).eval()
    x = torch.randn(a.length, a.batch, a.input)
    times = []
    with torch.inference_mode():
        for k in range(a.warmup + a.repeats):
            start = time.perf_counter()
            net(x)
            if k >= a.warmup:
                times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(json.dumps({
        "work": f"forward {a.cell} I{a.input} H{a.hidden} L{a.layers} T{a.length} B{a.batch}",
        "ms_per_step": 1e3 * median, "best_ms": 1e3 * min(times), "tok_per_s": a.length * a.batch / median,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "framework": "torch", "version": torch.__version__, "threads": a.threads}))


main()
