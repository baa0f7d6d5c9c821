"""Colour: whatever the source's mode and profile, out comes 8-bit sRGB, as RGB or RGBA."""

import io
import itertools

from PIL import Image, ImageCms

from processor.steps import depth
from processor.steps.notes import Note

_WHITE = 255
_IMPERCEPTIBLE = 2
"""Of 255 levels in any channel: a profile that moves no patch by more is sRGB under another name."""

_PATCHES_A_SIDE = 9
_PLAIN_MODES = {"L", "LA", "RGB", "RGBA", "CMYK", "LAB"}
_MANAGED: dict[str, dict[str, tuple[str, str]]] = {
    "GRAY": {"L": ("L", "RGB"), "LA": ("L", "RGB")},
    "RGB ": {"L": ("RGB", "RGB"), "LA": ("RGB", "RGB"), "RGB": ("RGB", "RGB"), "RGBA": ("RGB", "RGB")},
    "CMYK": {"CMYK": ("CMYK", "RGB")},
    "Lab ": {"LAB": ("LAB", "RGB")},
}
"""By a profile's colour space and an image's mode: the mode to bring it to, and the mode that comes out."""


def srgb(image: Image.Image) -> Image.Image:
    """Convert to sRGB by the embedded profile, or by convention where there is none that works.

    Args:
        image: any mode that Pillow's readers produce, with `info` still there.

    Returns:
        RGB, or RGBA where some pixel is not opaque. `info` is empty: from here on there are only pixels.
    """
    return converted(image)[0]


def converted(image: Image.Image) -> tuple[Image.Image, tuple[Note, ...]]:
    """As `srgb`, and what there is to note about it."""
    profile = image.info.get("icc_profile")
    plain = _plain(depth.eight_bit(image))
    alpha = _alpha(plain)
    colours: Image.Image | None = None
    notes: tuple[Note, ...] = ()
    if isinstance(profile, bytes) and profile:
        colours, notes = _managed(plain, profile)
    if colours is None:
        return bare(_by_convention(plain, "RGB" if alpha is None else "RGBA")), notes
    if alpha is not None:
        colours.putalpha(alpha)
    return bare(colours), notes


def bare(image: Image.Image) -> Image.Image:
    """Another Image object on the same pixels, with nothing but the pixels.

    Sharing is what makes it cheap; it is safe as long as nobody draws. Pillow keeps metadata and, while saving, the
    encoder's options on the Image object, so everyone who works beside others needs one of their own.
    """
    view = image._new(image.im)  # noqa: SLF001 - the public copy() copies pixels as well: 96 MB for 24 megapixels
    view.info = {}
    return view


def flattened(image: Image.Image, background: str) -> Image.Image:
    """The image laid on a background given as `#rrggbb`. Without transparency it is returned as it is."""
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _plain(image: Image.Image) -> Image.Image:
    """One of the modes that colour management knows: palettes and rarer layouts spelled out, transparency as a band."""
    if image.mode in _PLAIN_MODES and "transparency" not in image.info:
        return image
    if image.mode in ("1", "L"):
        grey = image.convert("L")
        return grey.convert("LA") if "transparency" in grey.info else grey
    if image.mode == "La":
        return image.convert("LA")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _alpha(image: Image.Image) -> Image.Image | None:
    """The band of opacity, unless every pixel is opaque."""
    if image.mode not in ("LA", "RGBA"):
        return None
    alpha = image.getchannel("A")
    return None if alpha.getextrema()[0] == _WHITE else alpha


def _managed(image: Image.Image, profile: bytes) -> tuple[Image.Image | None, tuple[Note, ...]]:
    """The colours in sRGB by the source's own profile; None if they are that already, or the profile is of no use."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        before, after = _MANAGED[source.profile.xcolor_space][image.mode]
        transform = _transform(source, before, after)
        if before == "RGB" and _changes_nothing(transform):
            return None, ()
        return transform.apply(image if image.mode == before else image.convert(before)), ()
    except (OSError, KeyError, TypeError, ValueError, ImageCms.PyCMSError):
        return None, (Note.PROFILE_DROPPED,)


def _by_convention(image: Image.Image, mode: str) -> Image.Image:
    """RGB or RGBA of an image without a usable profile, taken for sRGB (LAB for D50, CMYK for its own complement)."""
    if image.mode == "LAB":
        return _transform(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB", mode).apply(image)
    return image if image.mode == mode else image.convert(mode)


def _transform(source: ImageCms.ImageCmsProfile, before: str, after: str) -> ImageCms.ImageCmsTransform:
    """Relative colorimetric with black point compensation, as browsers and libvips have it."""
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsTransform(
        source,
        target,
        before,
        after,
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform from RGB leaves a cube of colour patches as good as untouched."""
    levels = [round(index * _WHITE / (_PATCHES_A_SIDE - 1)) for index in range(_PATCHES_A_SIDE)]
    before = bytes(itertools.chain.from_iterable(itertools.product(levels, repeat=3)))
    patches = Image.frombytes("RGB", (_PATCHES_A_SIDE**3, 1), before)
    after = transform.apply(patches).tobytes()
    return all(abs(one - other) <= _IMPERCEPTIBLE for one, other in zip(before, after, strict=True))
