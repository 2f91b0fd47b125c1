"""Smaller PNGs: few colours in a palette, as line drawings need, instead of 32 bits a pixel."""

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

PALETTE = 256
STEP = 8  # colours closer than this in every channel count as one

_PIXELS = """async png => {
  const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const bytes = pen.getImageData(0, 0, bitmap.width, bitmap.height).data;
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768)
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return [bitmap.width, bitmap.height, btoa(text)];
}"""


def small_png(page: Page, png: bytes) -> bytes:
    """Return the picture with at most 256 colours, the most frequent ones; the browser reads the pixels."""
    width, height, text = page.evaluate(_PIXELS, base64.b64encode(png).decode())
    pixels = np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(-1, 4).astype(np.int32)
    return _write(*_reduced(pixels), width, height)


def _reduced(pixels: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The palette (at most 256 RGBA colours) and each pixel's place in it."""
    coarse = np.minimum(255, (pixels + STEP // 2) // STEP * STEP)
    coarse[coarse[:, 3] == 0] = 0  # nothing is nothing, whatever its colour
    codes = coarse @ np.array([1 << 24, 1 << 16, 1 << 8, 1], dtype=np.int64)
    found, place, count = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([(found >> shift) & 255 for shift in (24, 16, 8, 0)], axis=1)
    kept = np.argsort(-count, kind="stable")[:PALETTE]
    distance = ((colours[:, None, :] - colours[kept][None]) ** 2).sum(axis=2)
    return colours[kept].astype(np.uint8), distance.argmin(axis=1)[place].astype(np.uint8)


def _write(palette: NDArray[np.uint8], indices: NDArray[np.uint8], width: int, height: int) -> bytes:
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = indices.reshape(height, width)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts: list[tuple[bytes, Any]] = [
        (b"IHDR", header),
        (b"PLTE", palette[:, :3].tobytes()),
        (b"tRNS", palette[:, 3].tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
