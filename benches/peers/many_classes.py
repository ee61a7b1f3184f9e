#!/usr/bin/env python3
"""Many classes of 8 images, 1,024 values each: the choice of C by five folds and the fit on all images, ours and
scikit-learn's in one run.

    cargo bench --no-run --bench many_classes     # prints where the program is
    python many_classes.py PROGRAM [CLASSES ...] [--tolerance T] [--folds-timed N] [--rounds N] [--limit SECONDS]

Both choose among the same 13 values of C; class weights are not tried, since the classes have equally many images. The
embeddings are made here: class centers and noise in 96 dimensions whose variances fall, seen through a random layer with
ReLU, in f32. scikit-learn's LogisticRegressionCV starts each C from the optimum before it, as ours does. Its default
tolerance of 1e-4 is an absolute one, and entries of the gradient are as small as that from the start where there are
hundreds of classes; --tolerance sets another one, and without it, it is ours: 1e-4 divided by the number of classes.
With --folds-timed 1 scikit-learn searches one of the five folds, and its time for the search is multiplied by five. With
--limit its search ends before the next value of C once it has taken so many CPU-seconds; what it has not done then counts
as done at once, so that the ratio is a lower bound, and is called so.

The rounds are interleaved. Ratios are of medians, in seconds and in CPU-seconds of all threads; on a machine that does other
work, look at the latter.
"""

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
import warnings

import numpy as np

DIM, EACH, FOLDS = 1024, 8, 5
CS = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]


def made(classes, latent=96, noise=1.6):
    rng = np.random.default_rng(1)
    scale = 1 / np.sqrt(1 + np.arange(latent) / 4)
    layer = rng.standard_normal((latent, DIM)) / np.sqrt(np.sum(scale**2))
    centers = rng.standard_normal((classes, latent)) * scale
    y = np.arange(classes * EACH) % classes
    z = centers[y] + noise * rng.standard_normal((len(y), latent)) * scale
    x = 0.6 * (z @ layer) + 0.8 * rng.standard_normal((len(y), DIM)) + 0.1
    return np.maximum(0, x).astype(np.float32), y


class Clock:
    """Wall time and CPU time of all threads, of this process or of its children."""

    def __init__(self, of=resource.RUSAGE_SELF):
        self.of, self.start = of, (0, 0)
        self.start = self.now()

    def now(self):
        used = resource.getrusage(self.of)
        return time.perf_counter() - self.start[0], used.ru_utime + used.ru_stime - self.start[1]


def ours(program, x, classes):
    with tempfile.NamedTemporaryFile() as file:
        file.write(x.tobytes())
        file.flush()
        command = [program, file.name, str(DIM), str(classes)]
        clock = Clock(resource.RUSAGE_CHILDREN)
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return found | {"cpu": round(clock.now()[1], 2)}


def theirs(x, y, tolerance, folds_timed, limit):
    from sklearn.linear_model import LogisticRegression
    from sklearn.linear_model._logistic import _logistic_regression_path
    from sklearn.model_selection import StratifiedKFold

    warnings.filterwarnings("ignore")
    # What LogisticRegressionCV does for each fold, so that folds and values of C can be counted.
    losses, fits = np.full((FOLDS, len(CS)), np.inf), 0
    clock = Clock()
    splits = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y))
    for fold, (fit, held) in enumerate(splits[:folds_timed]):
        w = None
        for i, c in enumerate(CS):
            if limit and clock.now()[1] > limit:
                break
            options = {"classes": np.unique(y), "tol": tolerance, "max_iter": 5000, "Cs": [c], "coef": w}
            w = _logistic_regression_path(x[fit], y[fit], **options)[0][0]
            z = x[held] @ w[:, :-1].T + w[:, -1]
            z -= z.max(1, keepdims=True)
            losses[fold, i] = (np.log(np.exp(z).sum(1)) - z[np.arange(len(held)), y[held]]).mean()
            fits += 1
    whole = fits == folds_timed * len(CS)
    # Where the limit ended the search, what has been done is all that is counted.
    seconds, cpu = [part * (FOLDS / folds_timed if whole else 1) for part in clock.now()]
    found = {"fits": fits, "of": FOLDS * len(CS), "at_least": not whole}
    if whole:
        means = losses[:folds_timed].mean(0)
        found |= {"c": CS[int(means.argmin())], "log_loss": round(means.min(), 4)}
        clock = Clock()
        LogisticRegression(C=found["c"], tol=min(tolerance, 1e-7), max_iter=5000).fit(x, y)
        final = clock.now()
        seconds, cpu = seconds + final[0], cpu + final[1]
    return found | {"seconds": round(seconds, 2), "cpu": round(cpu, 2)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("classes", nargs="*", type=int, default=[100, 300, 1000])
    parser.add_argument("--tolerance", type=float)
    parser.add_argument("--folds-timed", type=int, default=FOLDS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    for classes in options.classes:
        x, y = made(classes)
        rounds = []
        for _ in range(options.rounds):
            one = ours(options.program, x, classes)
            print(f"{classes} classes, ours: {one}", flush=True)
            other = theirs(x, y, options.tolerance or 1e-4 / classes, options.folds_timed, options.limit)
            print(f"{classes} classes, scikit-learn: {other}", flush=True)
            rounds.append((one, other))
        at_least = "at least " if any(other["at_least"] for _, other in rounds) else ""
        for what in ("seconds", "cpu"):
            a, b = (statistics.median(each[i][what] for each in rounds) for i in (0, 1))
            print(f"{classes} classes, {what}: {a:.1f}, scikit-learn {at_least}{b:.1f}: {at_least}{b / a:.1f} times", flush=True)


if __name__ == "__main__":
    main()
