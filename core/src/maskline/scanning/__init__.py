"""Looks at every column of a database and says what it is, and what changed since the last look."""

from maskline.scanning._drift import Drifts, Retyped, drifts
from maskline.scanning._looking import ScannedColumn, Scope, classified, scan
from maskline.scanning._memory import ScanMemory

__all__ = [
    "Drifts",
    "Retyped",
    "ScanMemory",
    "ScannedColumn",
    "Scope",
    "classified",
    "drifts",
    "scan",
]
