"""Every bound on untrusted input, named, with where its number comes from."""

from dataclasses import dataclass

from processor.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source picture may be at most. All are checked before any pixel is decoded, but for the two times.

    Each can be set by an environment variable of the same name in capitals, which the Terraform stack does. The
    defaults belong together with the function's default memory of 3,008 MB, see docs/adr/0015-bounds-and-memory.md.

    Attributes:
        max_object_bytes: of the file. Reason `too_large`. 64 MiB: the largest JPEGs of current cameras have
            about 50. The whole file is held in memory while it is decoded.
        max_pixels: width x height of one frame. Reason `too_many_pixels`. Full-frame cameras end at 61 megapixels.
            Memory decides the rest: with the default recipe opaque pictures of 80 megapixels peak at 1.0 GB with 8
            bits a sample, and at up to 2.2 GB with 16 (docs/formats.md).
        max_alpha_pixels: the same for a picture that may be transparent, which takes three times as much: WebP keeps
            transparency without loss. 80 megapixels peak at 3.3 GB.
        max_side: longest side in pixels. Reason `too_many_pixels`. 65,535 is the longest that JPEG can express.
        max_frames: frames or pages of the file. Reason `too_many_frames`.
        max_total_pixels: width x height x frames, of pages the first alone: no other is decoded. Reason
            `too_many_pixels`. A thousand frames of one megapixel.
        max_animation_pixels: the same for animations, of which every frame is decoded, several times. Reason
            `too_many_pixels`. ADR 14 has what that takes of `max_decode_seconds`.
        max_frame_pixels: width x height of one frame of an animation. Reason `too_many_pixels`. 4K video has 8
            megapixels. Readers and encoders hold several frames with transparency: those of 20 megapixels took all of
            2.7 GB. A GIF counts as everything that it draws, also beyond its screen, here and above.
        max_duration_seconds: how long an animation plays once, known when every frame has been decoded. Reason
            `too_many_frames`.
        max_icc_bytes: of an embedded colour profile, unpacked. Reason `metadata_too_large`. 8 MiB: profiles for
            printing with large tables have about 3.
        max_metadata_bytes: of everything in the file that says something about the picture, unpacked: EXIF, XMP,
            texts, comments, profile. Reason `metadata_too_large`. 16 MiB: phones put depth maps of some megabytes
            into XMP.
        max_decode_seconds: for everything that is done to the picture, encoding included. Reason `decode_timeout`.
            Not applied by `transcode` itself but by whoever runs it in a process of its own.
    """

    max_object_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 80_000_000
    max_alpha_pixels: int = 50_000_000
    max_side: int = 65_535
    max_frames: int = 1_000
    max_total_pixels: int = 1_000_000_000
    max_animation_pixels: int = 200_000_000
    max_frame_pixels: int = 10_000_000
    max_duration_seconds: int = 600
    max_icc_bytes: int = 8 * 1024 * 1024
    max_metadata_bytes: int = 16 * 1024 * 1024
    max_decode_seconds: int = 120


DEFAULT_LIMITS = Limits()
"""What `transcode` applies where the caller says nothing."""


def check_size(size_bytes: int, limits: Limits) -> None:
    """Refuse a file by its length alone.

    Raises:
        Rejected: `empty` or `too_large`.
    """
    if size_bytes == 0:
        raise Rejected(Reason.EMPTY, "the file is empty; upload it again")
    if size_bytes > limits.max_object_bytes:
        raise Rejected(
            Reason.TOO_LARGE,
            f"the file has {size_bytes:,} bytes, allowed are {limits.max_object_bytes:,}; upload a smaller version",
        )
