"""The maskers that come with maskline.

They know Arrow, labels and what a mask context offers. They do not know policies, keys, principals
or databases. A masker never lets a sensitive value through because its type is unexpected: what it
cannot mask becomes null.
"""

from typing import Final

from maskline.roles import Masker

from .aggregate import AggregateMasker
from .fpe import FpeMasker
from .generalize import GeneralizeMasker
from .noise import NoiseMasker
from .partial import PartialMasker
from .pseudonym import PseudonymMasker
from .redact import NullMasker, RedactMasker
from .reveal import RevealMasker
from .scan import ScanMasker
from .shift import ShiftMasker
from .token import TokenMasker

__all__ = ["BUILTIN"]

BUILTIN: Final[tuple[Masker, ...]] = (
    RedactMasker(),
    NullMasker(),
    PartialMasker(),
    TokenMasker(),
    PseudonymMasker(),
    FpeMasker(),
    GeneralizeMasker(),
    ShiftMasker(),
    NoiseMasker(),
    AggregateMasker(),
    ScanMasker(),
    RevealMasker(),
)
