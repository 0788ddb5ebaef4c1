"""Pictures of made-up washers: metal rings with a little jitter are normal, and a scratched one is anomalous."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def washer(seed: int, scratched: bool = False, side: int = 96, mode: str = "RGB") -> Image.Image:
    """Return one picture, side x side; equal arguments give equal pixels."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (side, side), (52, 58, 64))
    draw = ImageDraw.Draw(picture)
    centre = side / 2 + random.uniform(-0.04, 0.04, 2) * side
    for radius, colour in ((0.36, (168, 172, 176)), (0.33, (190, 194, 198)), (0.15, (52, 58, 64))):
        box = [*(centre - radius * side), *(centre + radius * side)]
        draw.ellipse(box, fill=tuple(int(value) for value in np.array(colour) + random.integers(-6, 7)))
    if scratched:
        angle = random.uniform(0, 2 * np.pi)
        ends = [*(centre + 0.18 * side * np.array([np.cos(angle), np.sin(angle)]))]
        ends += [*(centre + 0.32 * side * np.array([np.cos(angle + 0.5), np.sin(angle + 0.5)]))]
        draw.line(ends, fill=(96, 40, 30), width=max(2, side // 24))
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(side / 120)), np.float64)
    noisy = (pixels + random.normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noisy).convert(mode)


def washers(n: int, first: int = 0, scratched: bool = False) -> np.ndarray:
    """Return uint8 (n, 32, 32, 3)."""
    return np.stack([np.asarray(washer(first + number, scratched, 32)) for number in range(n)])


def write_washers(folder: Path, n: int, first: int = 0, scratched: bool = False, **looks: object) -> Path:
    """Write pictures 000.png, 001.png, ... into a new folder; `first` is the first one's seed."""
    folder.mkdir(parents=True)
    for number in range(n):
        washer(first + number, scratched, **looks).save(folder / f"{number:03}.png")  # type: ignore[arg-type]
    return folder


def write_video(path: Path, n: int, first: int = 0) -> None:
    """Write a lossless video of so many washers."""
    import av

    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "bgr0"
        for number in range(n):
            frame = av.VideoFrame.from_ndarray(np.asarray(washer(first + number)), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
