#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time torch.nn's RNN, GRU or LSTM as a stream: one step at a time under torch.inference_mode, the state carried.

Random input (1, B, E); the median of the timed steps, with each number of threads from 1 to --threads: the
fastest of them counts. Prints one JSON line. Needs PyTorch 2.
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
    for name, value in (("input", 256), ("hidden", 256), ("layers", 2), ("batch", 1), ("threads", 2),
                        ("warmup", 50), ("steps", 500)):
        p.add_argument(f"--{name}", type=int, default=value, help="(%(default)s)")
    return p.parse_args()


def seconds(net, x, warmup, steps):
    """Of each timed step."""
    times, state = [], None
    for k in range(warmup + steps):
        start = time.perf_counter()
        y, state = net(x[k % len(x)], state)
        if k >= warmup:
            times.append(time.perf_counter() - start)
    return times


def main():
    a = arguments()
    torch.manual_seed(0)
    net = CELLS[a.cell](a.input, a.hidden, a.layers).eval()
    x = torch.randn(16, 1, a.batch, a.input)
    best = None
    with torch.inference_mode():
        for threads in range(1, a.threads + 1):
            torch.set_num_threads(threads)
            times = seconds(net, x, a.warmup, a.steps)
            if not best or statistics.median(times) < statistics.median(best[0]):
                best = times, threads
    median = statistics.median(best[0])
    print(json.dumps({
        "work": f"infer {a.cell} I{a.input} H{a.hidden} L{a.layers} B{a.batch}",
        "ms_per_step": 1e3 * median, "best_ms": 1e3 * min(best[0]), "tok_per_s": a.batch / median,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "framework": "torch", "version": torch.__version__, "threads": best[1]}))


main()
