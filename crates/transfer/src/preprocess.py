

def upright_rgb(image):
    """Levels [height, width, 3] as bytes: upright by EXIF, and transparency over the background."""
    if UPRIGHT:
        image = ImageOps.exif_transpose(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        # 16 bits, which `convert` would cut off at 255.
        gray = np.floor(np.asarray(image).astype(np.float64) / 257 + 0.5).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA")).astype(np.uint32)
        color, alpha = rgba[..., :3], rgba[..., 3:]
        return ((color * alpha + np.uint32(BACKGROUND) * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.asarray(image.convert("RGB"))


def tf1_bilinear(levels):
    """resize_bilinear of TensorFlow 1: no half-pixel centers, no antialiasing."""

    def steps(length):
        at = np.arange(SIZE, dtype=np.float32) * (np.float32(length) / np.float32(SIZE))
        lower = np.minimum(at.astype(np.int64), length - 1)
        return lower, np.minimum(lower + 1, length - 1), at - lower.astype(np.float32)

    (top, bottom, down), (left, right, along) = map(steps, levels.shape[:2])
    levels, down, along = levels.astype(np.float32), down[:, None, None], along[None, :, None]
    row = lambda y: levels[y][:, left] + (levels[y][:, right] - levels[y][:, left]) * along
    return np.floor(row(top) + (row(bottom) - row(top)) * down + np.float32(0.5)).astype(np.uint8)


def square(levels):
    """Levels [SIZE, SIZE, 3] as bytes."""
    if RESIZE == "tf1":
        return tf1_bilinear(levels)
    nearest = lambda value: math.floor(value + 0.5)
    height, width = levels.shape[:2]
    box, target = (0, 0, width, height), (SIZE, SIZE)
    if RESIZE == "center-crop":
        short = nearest(SIZE / CROP)
        long = nearest(max(width, height) * short / min(width, height))

        def middle(side, scaled):
            step = side / scaled
            first = (scaled - SIZE) // 2 * step
            return first, first + SIZE * step

        scaled = (short, long) if width < height else (long, short)
        (left, right), (top, bottom) = middle(width, scaled[0]), middle(height, scaled[1])
        box = (left, top, min(right, width), min(bottom, height))
    elif RESIZE == "letterbox":
        fit = lambda side: min(max(nearest(SIZE * side / max(width, height)), 1), SIZE)
        target = (fit(width), fit(height))
    method = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[FILTER]
    inner = Image.fromarray(levels).resize(target, method, box=box)
    result = Image.new("RGB", (SIZE, SIZE), (FILL,) * 3)
    result.paste(inner, ((SIZE - target[0]) // 2, (SIZE - target[1]) // 2))
    return np.asarray(result)


def load(path):
    """The input of the network for one picture, without the axis of the batch."""
    with Image.open(path) as image:
        pixels = square(upright_rgb(image))
    if NORMALIZE:
        pixels = (pixels.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    if CHANNELS_FIRST:
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, dtype=DTYPE)
