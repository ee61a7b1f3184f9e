#!/usr/bin/env python3
"""The work of benches/head.rs with NumPy 2.1 and scikit-learn 1.9.1. Run after `cargo bench --bench head`, whose
times it reads and sets beside its own: python head.py [CRITERION_FOLDER]

The steps are retrain.py's, as NumPy does them best: float32, batches gathered by index, one matrix product each way,
accuracy and cross-entropy of the batch every 10 steps. The converged recipe is the same grid of C and both class
weightings, five folds, then the fit on everything; scikit-learn stops at its default tolerance of 1e-4 (ours ends the
folds there too and the last fit at 1e-7).
"""

import json
import pathlib
import sys
import time

import numpy as np

N, DIM, BATCH, STEPS = 1342, 1024, 100, 4000
rng = np.random.default_rng(1)
y = (np.arange(N) % 5 < 2).astype(np.int64)
x = (1.5 * rng.random((N, DIM)) * rng.random((N, DIM))).astype(np.float32)
x[:, ::10] += np.float32(0.12) * y[:, None].astype(np.float32)


def softmax(z):
    z -= z.max(1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(1, keepdims=True)
    return z


def steps():
    draw = np.random.default_rng(0)
    by_class = [np.flatnonzero(y == c) for c in (0, 1)]
    w = (0.001 * draw.standard_normal((DIM, 2))).astype(np.float32)
    b = np.zeros(2, np.float32)
    onehot = np.eye(2, dtype=np.float32)
    for step in range(STEPS):
        classes = draw.integers(0, 2, BATCH)
        picks = draw.random(BATCH)
        rows = np.where(
            classes == 0,
            by_class[0][(picks * len(by_class[0])).astype(int)],
            by_class[1][(picks * len(by_class[1])).astype(int)],
        )
        batch, target = x[rows], onehot[y[rows]]
        p = softmax(batch @ w + b)
        flow = (p - target) / np.float32(BATCH)
        w -= np.float32(0.01) * (batch.T @ flow)
        b -= np.float32(0.01) * flow.sum(0)
        if step % 10 == 0 or step == STEPS - 1:
            p = softmax(batch @ w + b)
            (p.argmax(1) == y[rows]).mean(), -np.log(p[np.arange(BATCH), y[rows]]).mean()
    return w, b


def converged():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    best = None
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))
    for weight in (None, "balanced"):
        last, rises = np.inf, 0
        for c in (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100):
            p = np.zeros((N, 2))
            for fit, held in folds:
                model = LogisticRegression(C=c, class_weight=weight, max_iter=1000)
                p[held] = model.fit(x[fit], y[fit]).predict_proba(x[held])
            loss = log_loss(y, p)
            if best is None or loss < best[0]:
                best = (loss, c, weight)
            rises = rises + 1 if loss > last else 0
            last = loss
            if rises == 2:
                break
    LogisticRegression(C=best[1], class_weight=best[2], max_iter=1000).fit(x, y)
    return best


def median(function, times):
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[times // 2]


folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/criterion")
for name, function, times in (("parity_4000_steps_of_100", steps, 7), ("converged_cross_validated", converged, 1)):
    theirs = median(function, times)
    estimates = folder / f"head_{N}x{DIM}" / name / "new" / "estimates.json"
    ours = json.loads(estimates.read_text())["median"]["point_estimate"] / 1e9 if estimates.exists() else None
    ours = f", ours {ours:.3f} s: {theirs / ours:.2f} times as fast" if ours else ""
    print(f"{name}: Python {theirs:.3f} s{ours}")
