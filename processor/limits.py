"""Every bound on untrusted input, named, with where its number comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source picture may be at most. All are checked before any pixel is decoded.

    Attributes:
        max_object_bytes: of the file. Reason `too_large`. 64 MiB holds every camera JPEG, and a 24-megapixel TIFF of
            16 bits without compression needs a little over twice that, which we do not want to hold in memory.
        max_pixels: width x height of one frame. Reason `too_many_pixels`. Above any camera sold as a phone's main or
            a full-frame one (61 megapixels). Peak memory is what decides it; see `docs/architecture.md`.
        max_side: longest side in pixels. Reason `too_many_pixels`. 65,535 is the longest that JPEG can express.
        max_frames: frames or pages of the file. Reason `too_many_frames`.
        max_total_pixels: width x height x frames. Reason `too_many_pixels`.
    """

    max_object_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 100_000_000
    max_side: int = 65_535
    max_frames: int = 1_000
    max_total_pixels: int = 1_000_000_000


DEFAULT_LIMITS = Limits()
"""What `transcode` applies where the caller says nothing."""
