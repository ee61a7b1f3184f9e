"""Small pictures of every format and colour mode, for the fuzzer to start from.

Pillow 13.0.0, NumPy. Run in this folder: python seeds.py
"""

import os

import numpy as np
from PIL import Image

os.makedirs("corpus/decode", exist_ok=True)
y, x = np.mgrid[0:17, 0:24]
rgb = Image.fromarray(np.stack([x * 10, y * 14, (x + y) * 6], -1).clip(0, 255).astype(np.uint8))
exif = Image.Exif()
exif[0x0112] = 6


def save(image, name, **options):
    image.save(f"corpus/decode/{name}", **options)


save(rgb, "baseline.jpg", quality=50)
save(rgb, "turned.jpg", quality=50, exif=exif)
save(rgb, "progressive.jpg", quality=50, progressive=True)
save(rgb, "restart.jpg", quality=50, restart_marker_blocks=1)
save(rgb, "444.jpg", quality=50, subsampling=0)
save(rgb, "422.jpg", quality=50, subsampling=1)
save(rgb, "progressive_restart.jpg", quality=50, progressive=True, restart_marker_blocks=1)
save(rgb, "rgb.jpg", quality=50, keep_rgb=True)
save(rgb.convert("L"), "grey.jpg", quality=50)
save(rgb.convert("CMYK"), "inks.jpg", quality=50)
save(rgb, "rgb.png")
save(rgb, "turned.png", exif=exif)
save(rgb.convert("L"), "grey.png")
save(rgb.convert("1"), "bits.png")
save(rgb.convert("LA"), "grey_alpha.png")
save(rgb.convert("RGBA"), "alpha.png")
save(rgb.quantize(8), "palette.png", transparency=3)
save(Image.fromarray((np.asarray(rgb.convert("L")).astype(np.uint16) * 257)), "deep.png")
save(rgb.quantize(16), "palette.gif")
save(rgb.quantize(4), "interlaced.gif", interlace=1)
save(rgb, "frames.gif", save_all=True, append_images=[rgb.rotate(90, expand=True)])
save(rgb, "lossy.webp", quality=50)
save(rgb, "lossless.webp", lossless=True)
save(rgb.convert("RGBA"), "alpha.webp", quality=50)
save(rgb, "rgb.bmp")
save(rgb.quantize(16), "palette.bmp")
save(rgb.convert("1"), "bits.bmp")
