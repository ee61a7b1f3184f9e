#!/usr/bin/env python3
"""The work of crates/metrics/benches/metrics.rs with scikit-learn 1.9.1 (numpy, scipy, statsmodels). Run: python metrics.py

2,000 bootstrap replicates are timed as 20 and multiplied by 100.
"""

import time

import numpy as np
from sklearn import calibration, isotonic, metrics as sk
from statsmodels.stats.proportion import proportion_confint

N, K = 100_000, 10
rng = np.random.default_rng(1)
y = rng.integers(0, K, N)
p = np.exp(4 * rng.random((N, K)) + 1.5 * np.eye(K)[y])
p /= p.sum(1, keepdims=True)


def ece(confidence, right, edges):
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    n = np.bincount(bins, minlength=len(edges) - 1)
    gap = abs(np.bincount(bins, confidence, len(n)) - np.bincount(bins, right, len(n)))
    return gap.sum() / len(confidence), (gap / np.maximum(n, 1)).max()


def everything():
    pred, onehot = p.argmax(1), np.eye(K)[y]
    sk.confusion_matrix(y, pred)
    sk.accuracy_score(y, pred), sk.balanced_accuracy_score(y, pred)
    for average in ("macro", "weighted", "micro", None):
        sk.precision_recall_fscore_support(y, pred, average=average)
    sk.jaccard_score(y, pred, average="macro")
    sk.matthews_corrcoef(y, pred), sk.cohen_kappa_score(y, pred)
    sk.top_k_accuracy_score(y, p, k=2), sk.top_k_accuracy_score(y, p, k=5)
    sk.log_loss(y, p), sk.brier_score_loss(y, p)
    for average in ("macro", "weighted", "micro"):
        sk.roc_auc_score(y, p, multi_class="ovr", average=average)
    sk.roc_auc_score(y, p, multi_class="ovo", average="macro")
    for average in ("macro", "micro"):
        sk.average_precision_score(onehot, p, average=average)
    uniform = np.linspace(0, 1, 16)
    for scores, hit in [(p.max(1), pred == y)] + [(p[:, c], y == c) for c in range(K)]:
        ece(scores, hit, uniform)
        ece(scores, hit, np.quantile(scores, uniform))
    for c in range(K):
        sk.roc_curve(y == c, p[:, c])
        precision, recall, _ = sk.precision_recall_curve(y == c, p[:, c])
        np.argmax(np.where(precision >= 0.9, recall, -1)), np.searchsorted(-recall, -0.9)
        sk.det_curve(y == c, p[:, c])
        isotonic.IsotonicRegression(out_of_bounds="clip").fit(p[:, c], y == c).predict(p[:, c])
    calibration._TemperatureScaling().fit(p, y.astype(float)).predict(p)
    order = np.argsort(-p.max(1))
    np.cumsum((pred != y)[order]) / np.arange(1, N + 1)
    for method in ("wilson", "beta"):
        proportion_confint((pred == y).sum(), N, method=method)


def bootstrap(replicates):
    pred = p.argmax(1)
    strata = [np.flatnonzero(y == c) for c in range(K)]
    for _ in range(replicates):
        rows = np.concatenate([rng.choice(s, len(s)) for s in strata])
        sk.f1_score(y[rows], pred[rows], average="macro")


def best(function, times=3):
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


print(f"evaluate/{N}x{K}: {best(everything):.3f} s")
print(f"bootstrap_f1_macro/{N}x{K}/2000: {100 * best(lambda: bootstrap(20)):.2f} s (from 20)")
