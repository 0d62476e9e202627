"""The maskers that come with maskline.

They know Arrow, labels and what a mask context offers. They do not know policies, keys, principals
or databases. A masker never lets a sensitive value through because its type is unexpected: what it
cannot mask becomes null.
"""

from typing import Final

from maskline.roles import Masker

from .aggregate import AggregateMasker
from .partial import PartialMasker
from .redact import NullMasker, RedactMasker
from .reveal import RevealMasker
from .scan import ScanMasker
from .token import TokenMasker

__all__ = ["BUILTIN"]

BUILTIN: Final[tuple[Masker, ...]] = (
    RedactMasker(),
    NullMasker(),
    PartialMasker(),
    TokenMasker(),
    AggregateMasker(),
    ScanMasker(),
    RevealMasker(),
)
