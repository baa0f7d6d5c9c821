"""Decode: pixels of the first frame, once, with no more of them than some rendition needs."""

from PIL import Image, JpegImagePlugin

from processor.steps.inspect import Opened, pillow_errors

SHRINK_MARGIN = 2.0
"""A JPEG is shrunk while loading to no less than this many times the largest rendition, so that Lanczos does the rest.

The same number as the resize step's reducing gap: below it the two could not be told from decoding every pixel.
"""


def decoded(source: Opened, needed: tuple[int, int]) -> Image.Image:
    """Decode the first frame.

    Args:
        source: an opened file that passed the checks.
        needed: width and height of the largest rendition, as the file stores them (before orientation).

    Returns:
        The image with its metadata still in `info`; a JPEG may be 2, 4 or 8 times smaller than its header says.

    Raises:
        Rejected: `corrupt`.
    """
    image = source.image
    with pillow_errors(source.format):
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            image.draft(None, (round(needed[0] * SHRINK_MARGIN), round(needed[1] * SHRINK_MARGIN)))
        image.load()
    return image
