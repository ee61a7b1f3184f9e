"""The work of crates/dataset/benches/decode_resize.rs in Pillow 13.0.0 (libjpeg-turbo 3.2.0; `draft`, then `resize`),
one thread.

Run the bench first; it writes the files: DECODE_RESIZE_DIR=/tmp/decode_resize cargo bench -p dataset
--bench decode_resize, then the same variable with python benches/peers/decode_resize.py.
"""

import glob
import os
import statistics
import tempfile
import time

from PIL import Image

root = os.environ.get("DECODE_RESIZE_DIR", os.path.join(tempfile.gettempdir(), "decode_resize"))


def load(path, draft):
    image = Image.open(path)
    if draft:
        image.draft("RGB", (224, 224))
    return image.convert("RGB").resize((224, 224), Image.BILINEAR).tobytes()


for folder in sorted(glob.glob(os.path.join(root, "*", ""))):
    paths = sorted(glob.glob(os.path.join(folder, "*.jpg")))
    for how in "whole", "reduced":
        times = []
        for _ in range(11):
            start = time.perf_counter()
            for path in paths:
                load(path, how == "reduced")
            times.append((time.perf_counter() - start) / len(paths))
        print(f"{os.path.basename(folder[:-1])}/{how}: {1 / statistics.median(times[1:]):.1f} images/s (median of 10)")
