"""Measure how many strings of an identifier's shape pass: ``python tools/measure_forms.py``.

Prints, for each form of ``identifiers.toml``, the chance that the file states and the one measured
with random strings of the shape of its example, from a seed.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from maskline._detectors.identifiers import Form, forms
from maskline._detectors.identifying import match

SEED: Final = 7
STRINGS: Final = 200_000
_CLASSES: Final = (b"0123456789", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")


def of_the_shape(example: str, count: int, random: np.random.Generator) -> pa.StringArray:
    """Return random strings: a digit for a digit, a letter for a letter, the rest as it is."""
    columns = []
    for byte in example.encode("ascii"):
        alike = next((one for one in _CLASSES if byte in one), bytes([byte]))
        columns.append(random.choice(np.frombuffer(alike, np.uint8), count))
    return pa.array([row.tobytes().decode("ascii") for row in np.stack(columns, axis=1)])


def measured(form: Form, count: int, random: np.random.Generator) -> float:
    """Return the share of *count* random strings that pass."""
    found = match(of_the_shape(form.example, count, random), [form])
    return sum(len(rows) for _, rows, _, _ in found) / count


if __name__ == "__main__":
    generator = np.random.default_rng(SEED)
    for one in forms():
        chance = measured(one, STRINGS, generator)
        print(f"{one.entity:30} {one.chance:8.5f} {chance:8.5f}  {one.pattern}")
