"""Every bound on untrusted input, named, with where its number comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source picture may be at most. All are checked before any pixel is decoded.

    Attributes:
        max_object_bytes: of the file. Reason `too_large`. 64 MiB: the largest JPEGs of current cameras have
            about 50. The whole file is held in memory while it is decoded.
        max_pixels: width x height of one frame. Reason `too_many_pixels`. Full-frame cameras end at 61 megapixels.
            Memory decides the rest: with the default recipe 80 megapixels peak at 0.9 GB without transparency and
            2.3 GB with it (WebP's lossless alpha), measured with Pillow 13.0 in a process with two encoder threads.
        max_side: longest side in pixels. Reason `too_many_pixels`. 65,535 is the longest that JPEG can express.
        max_frames: frames or pages of the file. Reason `too_many_frames`.
        max_total_pixels: width x height x frames. Reason `too_many_pixels`.
        max_animation_pixels: the same for animations, of which every frame is decoded, several times. Reason
            `too_many_pixels`. 400 megapixels decode in 5 s, and there is one pass a rendition.
        max_duration_seconds: how long an animation plays once. Reason `too_many_frames`.
    """

    max_object_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 80_000_000
    max_side: int = 65_535
    max_frames: int = 1_000
    max_total_pixels: int = 1_000_000_000
    max_animation_pixels: int = 400_000_000
    max_duration_seconds: int = 600


DEFAULT_LIMITS = Limits()
"""What `transcode` applies where the caller says nothing."""
