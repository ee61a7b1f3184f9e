#!/usr/bin/env python3
"""The whole job in Python: decode and resize every image, embed it, choose and fit a head, evaluate.

    cargo build --release --example retrain
    python benches/peers/job.py --train DIR --test DIR [--rounds 3]

Stacks: `onnxruntime` (Pillow in threads with draft decoding, a folded net in ONNX Runtime fed batch by batch while
the next one is decoded), `timm` (PyTorch, its usual DataLoader and transforms), `keras` (its usual
tf.data, decode_image and predict). All take the bundled weights' net at alpha 1.0 (timm and Keras a random
one: only the time counts) and then the same head recipe: scikit-learn's LogisticRegression over the same values of
C, with and without balanced classes, five folds, then a fit on everything. Each run is a process of its own with a
cold cache, rounds are interleaved, the figures are medians of wall seconds. Versions: requirements.txt.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engines import WIDTHS

WEIGHTS = Path(__file__).resolve().parents[2] / "crates/mobilenet/weights/mobilenet_v1_1.0_224.safetensors"
BATCH = 32


def listing(root):
    classes = sorted(p.name for p in Path(root).iterdir() if p.is_dir())
    return [(str(f), k) for k, c in enumerate(classes) for f in sorted((Path(root) / c).iterdir())]


def folded_net():
    """The bundled net with batch norm folded, as an ONNX model from normalized NCHW pixels to embeddings."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file

    w = {k: v.astype(np.float64) for k, v in load_file(WEIGHTS).items()}
    nodes, tensors, last = [], [], "input"
    for name, value in [("zero", 0), ("six", 6)]:
        tensors.append(numpy_helper.from_array(np.array(value, np.float32), name))

    def conv(prefix, stride, group):
        nonlocal last
        kernel = w[f"{prefix}.conv.weight"]
        scale = w[f"{prefix}.bn.gamma"] / np.sqrt(w[f"{prefix}.bn.running_var"] + 1e-3)
        bias = w[f"{prefix}.bn.beta"] - w[f"{prefix}.bn.running_mean"] * scale
        kernel = (kernel * scale[:, None, None, None]).astype(np.float32)
        pads = [0] * 4 if kernel.shape[2] == 1 else [0, 0, 1, 1] if stride == 2 else [1] * 4
        tensors.append(numpy_helper.from_array(kernel, prefix + "w"))
        tensors.append(numpy_helper.from_array(bias.astype(np.float32), prefix + "b"))
        nodes.append(helper.make_node("Conv", [last, prefix + "w", prefix + "b"], [prefix + "c"], pads=pads,
                                      strides=[stride] * 2, kernel_shape=kernel.shape[2:], group=group))
        nodes.append(helper.make_node("Clip", [prefix + "c", "zero", "six"], [prefix]))
        last = prefix

    conv("stem", 2, 1)
    channels = 32
    for i, (out, stride) in enumerate(WIDTHS):
        conv(f"blocks.{i}.depthwise", stride, channels)
        conv(f"blocks.{i}.pointwise", 1, 1)
        channels = out
    nodes += [helper.make_node("GlobalAveragePool", [last], ["p"]), helper.make_node("Flatten", ["p"], ["embedding"])]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "net", [info("input", TensorProto.FLOAT, ["n", 3, 224, 224])],
                              [info("embedding", TensorProto.FLOAT, ["n", 1024])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def embed_onnxruntime(items):
    import numpy as np
    import onnxruntime as ort
    from PIL import Image

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = os.cpu_count()
    session = ort.InferenceSession(folded_net(), settings, providers=["CPUExecutionProvider"])

    def load(path):
        image = Image.open(path)
        image.draft("RGB", (224, 224))
        return np.asarray(image.convert("RGB").resize((224, 224), Image.BILINEAR))

    def batch(part):
        pixels = np.stack([load(path) for path, _ in part])
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32) / 127.5 - 1

    parts = [items[i:i + BATCH] for i in range(0, len(items), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(batch, part) for part in parts[:4]]
        rows = []
        for i in range(len(parts)):
            x = waiting[i].result()
            waiting[i] = None
            if i + 4 < len(parts):
                waiting.append(pool.submit(batch, parts[i + 4]))
            rows.append(session.run(None, {"input": x})[0])
    return np.concatenate(rows)


def embed_timm(items):
    import numpy as np
    import timm
    import torch
    from PIL import Image
    from torchvision import transforms as T

    net = timm.create_model("mobilenetv1_100", pretrained=False, num_classes=0).eval()
    transform = T.Compose([T.Resize((224, 224)), T.ToTensor(), T.Normalize([0.5] * 3, [0.5] * 3)])

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(items)

        def __getitem__(self, i):
            return transform(Image.open(items[i][0]).convert("RGB"))

    loader = torch.utils.data.DataLoader(Images(), batch_size=BATCH, num_workers=os.cpu_count())
    with torch.inference_mode():
        return np.concatenate([net(x).numpy() for x in loader])


def embed_keras(items):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    def load(path):
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        return tf.image.resize(image, (224, 224)) / 127.5 - 1

    net = tf.keras.applications.MobileNet(weights=None, include_top=False, pooling="avg", input_shape=(224, 224, 3))
    data = tf.data.Dataset.from_tensor_slices([p for p, _ in items]).map(load, tf.data.AUTOTUNE).batch(BATCH)
    return net.predict(data.prefetch(tf.data.AUTOTUNE), verbose=0)


def head(x, y):
    """The converged recipe with scikit-learn."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))
    best, rising, last = (np.inf, None), 0, np.inf
    for c in [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]:
        losses = {}
        for weight in (None, "balanced"):
            loss = 0
            for train, valid in folds:
                model = LogisticRegression(C=c, class_weight=weight, max_iter=1000).fit(x[train], y[train])
                loss += log_loss(y[valid], model.predict_proba(x[valid]), labels=model.classes_) * len(valid)
            losses[weight] = loss / len(y)
            best = min(best, (losses[weight], (c, weight)), key=lambda b: b[0])
        rising = rising + 1 if min(losses.values()) > last else 0
        last = min(losses.values())
        if rising == 2:
            break
    c, weight = best[1]
    return LogisticRegression(C=c, class_weight=weight, max_iter=1000).fit(x, y)


def job(stack, train, test):
    import numpy as np

    start = time.perf_counter()
    train, test = listing(train), listing(test)
    rows = {"onnxruntime": embed_onnxruntime, "timm": embed_timm, "keras": embed_keras}[stack](train + test)
    embed = time.perf_counter() - start
    y, y_test = (np.array([k for _, k in items]) for items in (train, test))
    model = head(rows[:len(y)].astype(np.float64), y)
    accuracy = float((model.predict(rows[len(y):]) == y_test).mean())
    return {"seconds": time.perf_counter() - start, "embed": embed, "accuracy": accuracy}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--stacks", nargs="+", default=["onnxruntime", "timm", "keras"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--retrain", default="target/release/examples/retrain", help="our program")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(job(options.run, options.train, options.test)))
        return
    times = {stack: [] for stack in ["ours", *options.stacks]}
    for _ in range(options.rounds):
        for stack, found in times.items():
            start = time.perf_counter()
            if stack == "ours":
                with tempfile.TemporaryDirectory() as folder:
                    subprocess.run([os.path.abspath(options.retrain), "--image-dir", os.path.abspath(options.train),
                                    "--test-dir", os.path.abspath(options.test), "--metrics", "m.json"],
                                   cwd=folder, check=True, capture_output=True)
                    inside = json.loads(Path(folder, "m.json").read_text())
                    inside = {"embed": inside["seconds"]["embed"], "accuracy": inside["test"]["accuracy"]}
            else:
                done = subprocess.run([sys.executable, __file__, "--run", stack, "--train", options.train, "--test",
                                       options.test], check=True, capture_output=True, text=True)
                inside = json.loads(done.stdout.strip().splitlines()[-1])
            found.append((time.perf_counter() - start, inside["embed"], inside["accuracy"]))
    ours = statistics.median(t[0] for t in times["ours"])
    for stack, found in times.items():
        seconds, embed = (statistics.median(t[i] for t in found) for i in (0, 1))
        print(f"{stack:12} {seconds:6.1f} s in all, {embed:6.1f} s to embed, accuracy {found[0][2]:.4f}; "
              f"{seconds / ours:.2f} times ours")


if __name__ == "__main__":
    main()
