#!/usr/bin/env python3
"""Integrated gradients (50 steps) and Grad-CAM by captum on PyTorch, beside `cargo bench --bench attribution`.

    cargo bench --bench attribution --no-run        # says the program's name
    python benches/peers/attribution.py --rounds 3 --beside target/release/deps/attribution-0123456789abcdef

MobileNetV1 with random weights and 1001 classes, batch norm folded into the convolutions, ReLU6, one image of 224 px,
f32. captum gets normalized input and may take the steps 8 at a time or all at once, in either memory format: the best of
these is what counts. Rounds of the two sides are interleaved. Prints milliseconds an image; versions: requirements.txt,
captum==0.9.0.
"""

import argparse
import statistics
import subprocess
import time

import captum.attr as ca
import torch
from torch import nn

WIDTHS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]


class MobileNet(nn.Module):
    def __init__(self, alpha):
        super().__init__()
        width = lambda c: max(8, int(c * alpha))
        channels = width(32)
        layers = [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, channels, 3, 2), nn.ReLU6()]
        for out, stride in WIDTHS:
            out = width(out)
            if stride == 2:
                layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
            padding = 0 if stride == 2 else 1
            layers += [nn.Conv2d(channels, channels, 3, stride, padding, groups=channels), nn.ReLU6()]
            layers += [nn.Conv2d(channels, out, 1), nn.ReLU6()]
            channels = out
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, 1001)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def milliseconds(work):
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", help="the bench's program, run once a round")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    works = {}
    for name, memory in [("contiguous", torch.contiguous_format), ("channels last", torch.channels_last)]:
        net = MobileNet(options.alpha).eval().to(memory_format=memory)
        # As captum's guides do: weights need no gradient, which saves torch their part of the work.
        net.requires_grad_(False)
        x = (torch.rand(1, 3, 224, 224) * 2 - 1).to(memory_format=memory)
        ig, cam = ca.IntegratedGradients(net), ca.LayerGradCam(net, net.features[-1])
        black = torch.full_like(x, -1)
        for batch in [8, 50]:
            works[f"integrated-gradients, {name}, {batch} at a time"] = lambda ig=ig, x=x, b=black, batch=batch: ig.attribute(
                x, b, target=286, n_steps=50, method="riemann_middle", internal_batch_size=batch)

        def grad_cam(cam=cam, x=x):
            # Without weights that need gradients the graph begins at the input.
            cam.attribute(x.requires_grad_(), target=286, relu_attributions=True)

        works[f"grad-cam, {name}"] = grad_cam
    times = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(options.rounds):
        for name, work in works.items():
            repeats = 20 if name.startswith("grad-cam") else 1
            times[name] += [milliseconds(work) for _ in range(repeats)]
        if options.beside:
            subprocess.run([options.beside, "--bench", "--noplot", f"/{options.alpha}/"], check=True)
    for name, found in times.items():
        print(f"captum, {name}: {statistics.median(found):.1f} ms")


if __name__ == "__main__":
    main()
