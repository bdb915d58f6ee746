"""NEW MODULE."""

import io
import struct
import zlib

import numpy as np
from PIL import Image as Picture


def pack_mask(mask: np.ndarray) -> bytes:
    """Return a boolean mask (H, W) as bytes: height and width (16 bit), then its bits, compressed."""
    height, width = mask.shape
    return struct.pack("<HH", height, width) + zlib.compress(np.packbits(mask.astype(bool)).tobytes())


def unpack_mask(packed: bytes) -> np.ndarray:
    """Return the boolean mask (H, W) that `pack_mask` packed."""
    height, width = mask_size(packed)
    bits = np.frombuffer(zlib.decompress(packed[4:]), np.uint8)
    return np.unpackbits(bits, count=height * width).reshape(height, width).astype(bool)


def encode_png(pixels: np.ndarray) -> bytes:
    """Return a grey image (H, W), uint8 or uint16, as PNG bytes for the `image` column."""
    buffer = io.BytesIO()
    Picture.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(image: Picture.Image) -> np.ndarray:
    """Return an image of the table as float32 (H, W) in [0, 1], whether it is stored with 8 or 16 bits."""
    return np.asarray(image, np.float32) / (255 if image.mode == "L" else 65535)


def mask_size(packed: bytes) -> tuple[int, int]:
    return struct.unpack_from("<HH", packed)
