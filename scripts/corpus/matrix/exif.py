"""EXIF blocks."""

import struct


def block(orientation: int, order: str = "<") -> bytes:
    """A TIFF header and one directory with an orientation."""
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)
