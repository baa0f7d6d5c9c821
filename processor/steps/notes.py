"""Notes: what was done to a picture that its owner may want to know, though it is published."""

from enum import StrEnum


class Note(StrEnum):
    """A closed list, kept in the record's `source`."""

    PROFILE_DROPPED = "profile_dropped"
    """The colour profile is damaged or made for other colours; the picture was taken for sRGB."""

    TONE_MAPPED = "tone_mapped"
    """The picture is in high dynamic range; what is brighter than paper was brought down to what sRGB can show."""
