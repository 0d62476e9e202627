"""The places beyond files and folders that come with maskline for checkpoints to be copied to."""

from typing import Final

from maskline._anchors.git import GitAnchorType
from maskline.roles import AnchorType

__all__ = ["BUILTIN"]

BUILTIN: Final[tuple[AnchorType, ...]] = (GitAnchorType(),)
