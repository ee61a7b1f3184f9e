#!/usr/bin/env python3
"""Many classes of 8 images, 1,024 values each: the choice of C by five folds and the fit on all images, ours and
scikit-learn's in one run.

    cargo bench --no-run --bench many_classes     # prints where the program is
    python many_classes.py PROGRAM [CLASSES ...] [--tolerance T] [--folds-timed N]

Both choose among the same 13 values of C; class weights are not tried, since the classes have equally many images. The
embeddings are made here: class centers and noise in 96 dimensions whose variances fall, seen through a random layer with
ReLU, in f32. scikit-learn's LogisticRegressionCV starts each C from the optimum before it, as ours does. Its default
tolerance of 1e-4 is an absolute one, and entries of the gradient are as small as that from the start where there are
hundreds of classes; --tolerance sets another one, and without it, it is ours: 1e-4 divided by the number of classes.
With --folds-timed 1 scikit-learn searches one of the five folds, and its time for the search is multiplied by five.
"""

import argparse
import json
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


def theirs(x, y, tolerance, folds_timed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.linear_model._logistic import _logistic_regression_path
    from sklearn.model_selection import StratifiedKFold

    warnings.filterwarnings("ignore")
    # What LogisticRegressionCV does for each fold, so that the folds can be counted.
    losses = []
    start = time.perf_counter()
    splits = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y))
    for fit, held in splits[:folds_timed]:
        options = {"classes": np.unique(y), "tol": tolerance, "max_iter": 5000, "Cs": CS}
        coefficients = _logistic_regression_path(x[fit], y[fit], **options)[0]
        of_fold = []
        for w in coefficients:
            z = x[held] @ w[:, :-1].T + w[:, -1]
            z -= z.max(1, keepdims=True)
            of_fold.append(np.log(np.exp(z).sum(1)) - z[np.arange(len(held)), y[held]])
        losses.append(of_fold)
    search = (time.perf_counter() - start) * FOLDS / folds_timed
    means = np.concatenate(losses, axis=1).mean(1)
    best = CS[int(means.argmin())]
    start = time.perf_counter()
    LogisticRegression(C=best, tol=min(tolerance, 1e-7), max_iter=5000).fit(x, y)
    final = time.perf_counter() - start
    return {"seconds": search + final, "search": search, "c": best, "log_loss": means.min()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("classes", nargs="*", type=int, default=[100, 300, 1000])
    parser.add_argument("--tolerance", type=float)
    parser.add_argument("--folds-timed", type=int, default=FOLDS)
    options = parser.parse_args()
    for classes in options.classes:
        x, y = made(classes)
        with tempfile.NamedTemporaryFile() as file:
            file.write(x.tobytes())
            file.flush()
            command = [options.program, file.name, str(DIM), str(classes)]
            ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(f"{classes} classes, ours: {ours}", flush=True)
        peer = theirs(x, y, options.tolerance or 1e-4 / classes, options.folds_timed)
        print(f"{classes} classes, scikit-learn: {peer}")
        print(f"{classes} classes: {peer['seconds'] / ours['seconds']:.1f} times as fast", flush=True)


if __name__ == "__main__":
    main()
