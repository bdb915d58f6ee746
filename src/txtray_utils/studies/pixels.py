"""How the study table holds images and masks: grey PNGs, and bits packed into bytes.

Explained in book/01_reading_a_radiograph.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image as Picture


def pack_mask(mask: np.ndarray) -> bytes:
    """Return a boolean mask (H, W) as bytes: height, width (16 bit), then its bits, compressed."""
    height, width = mask.shape
    size = struct.pack("<HH", height, width)
    bits = np.packbits(mask.astype(bool))
    return size + zlib.compress(bits.tobytes())


def unpack_mask(packed: bytes) -> np.ndarray:
    """Return the boolean mask (H, W) that `pack_mask` packed."""
    height, width = mask_size(packed)
    packed_bits = zlib.decompress(packed[4:])
    as_bytes = np.frombuffer(packed_bits, np.uint8)
    bits = np.unpackbits(as_bytes, count=height * width)
    return bits.reshape(height, width).astype(bool)


def mask_size(packed: bytes) -> tuple[int, int]:
    """Return height and width of a packed mask, without unpacking it."""
    return struct.unpack_from("<HH", packed)


def encode_png(pixels: np.ndarray) -> bytes:
    """Return a grey image (H, W), uint8 or uint16, as PNG bytes for the `image` column."""
    buffer = io.BytesIO()
    picture = Picture.fromarray(np.ascontiguousarray(pixels))
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def pixels(image: Picture.Image) -> np.ndarray:
    """Return an image of the table, of 8 or 16 bits, as float32 (H, W) in [0, 1]."""
    white = 255 if image.mode == "L" else 65535
    return np.asarray(image, np.float32) / white


def film_pixels(film: np.ndarray | Picture.Image) -> np.ndarray:
    """Return a film (H, W) in [0, 1]: as it is, or the `pixels` of one from the study table."""
    if isinstance(film, Picture.Image):
        return pixels(film)
    return film
