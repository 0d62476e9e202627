"""Masks the batches of a running query, by the plan.

This module knows Arrow and what plugins offer. It does not know SQL, databases, the audit log, or
who asks: it is handed a *decide* function that already does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from maskline._detectors.scanner import find
from maskline._kernels import by_leaf, same_cells
from maskline._pipeline import in_order
from maskline.errors import KeyringError, MaskingError, MasklineError
from maskline.model import Decision, Label, Mask, OutputColumn, Spans
from maskline.plugins import Registry
from maskline.roles import Tokenizer
from maskline.tokens import Keyring

__all__ = ["BatchMasker", "Masking"]

_SLICE_BYTES: Final = 8 * 1024 * 1024
_LEAST_ROWS: Final = 2048


class Masking:
    """Everything that masks values, for one policy, principal and purpose.

    Args:
        registry: The maskers and detectors of the policy's plugins.
        keyring: Makes tokens; None if the policy names no keys.
        decide: What the policy says about a label.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        keyring: Keyring | None,
        decide: Callable[[Label], Decision],
    ) -> None:
        self.registry = registry
        self.decide = decide
        self._keyring = keyring
        # Batches are many, and a key is derived by HKDF.
        self._tokenizers: dict[str, Tokenizer] = {}

    def tokenizer(self, domain: str) -> Tokenizer:
        """Return the tokens of a domain.

        Raises:
            KeyringError: The policy names no keys.
        """
        if domain in self._tokenizers:
            return self._tokenizers[domain]
        if self._keyring is None:
            msg = f"Tokens of the domain {domain} need a key, and the policy names none."
            raise KeyringError(
                msg, hint="Run `maskline keys create`, and add `keys: {file: keyring.json}`."
            )
        entity = self.registry.entities.get(domain)
        slug = entity.slug if entity else "".join(filter(str.isalnum, domain.lower()))[:16]
        made = self._keyring.tokenizer(domain, slug=slug)
        return self._tokenizers.setdefault(domain, made)

    def find(self, column: pa.StringArray) -> Spans:
        """Run every detector over a column and settle where they overlap."""
        return find(column, self.registry.detectors)

    def mask(self, column: pa.Array, *, label: Label, mask: Mask) -> pa.Array:
        """Mask a column of any type.

        Returns:
            The same length and exactly the same type.

        Raises:
            MaskingError: The masker failed, or broke its contract. It holds no value.
            KeyringError: The mask needs a key and there is none.
        """
        masker = self.registry.maskers[mask.name]
        context = _Context(self, label)
        options = dict(mask.options)

        def each(leaf: pa.Array) -> pa.Array:
            masked = masker.mask(leaf, options=options, context=context)
            if masked.type != leaf.type or len(masked) != len(leaf):
                raise _failed(mask, label, "a change of type or length")
            return masked

        try:
            return by_leaf(column, each, keep_nested=getattr(masker, "takes_nested", False))
        except MasklineError:
            raise
        except Exception as exc:  # noqa: BLE001 - the text of any library error may hold data
            culprit = type(exc).__name__
        raise _failed(mask, label, culprit)


def _failed(mask: Mask, label: Label, culprit: str) -> MaskingError:
    msg = f"The masker {mask.name} failed on values labelled {label.entity}: {culprit}."
    return MaskingError(msg, hint="Choose another mask for this entity in the policy.")


class _Context:
    """What one masker sees while it masks one column."""

    def __init__(self, masking: Masking, label: Label) -> None:
        self._masking = masking
        self.label = label

    def tokenizer(self, domain: str) -> Tokenizer:
        return self._masking.tokenizer(domain)

    def find(self, column: pa.StringArray) -> Spans:
        return self._masking.find(column)

    def mask_as(self, entity: str, column: pa.Array) -> pa.Array:
        label = Label(entity=entity)
        decision = self._masking.decide(label)
        if decision.is_denied:
            return self._masking.mask(column, label=label, mask=Mask(name="redact"))
        if decision.mask is None:
            return column
        return self._masking.mask(column, label=label, mask=decision.mask)


class BatchMasker:
    """Masks record batches of one query.

    Args:
        masking: What masks values.
        outputs: The plan's columns, by position.
        schema: What the database says it will send.
        are_masked: Whether it comes masked, so that only the columns' names are left to set.

    Attributes:
        schema: What leaves: the plan's names, the database's types.
        cells: For each column, how many cells left with another value than they came with; of a
            column that came masked, how many are not null.

    Raises:
        MaskingError: The database will send another number of columns than was planned.
    """

    def __init__(
        self,
        masking: Masking,
        outputs: Sequence[OutputColumn],
        schema: pa.Schema,
        *,
        are_masked: bool = False,
    ) -> None:
        if len(schema) != len(outputs):
            msg = (
                f"The database returns {len(schema)} columns where {len(outputs)} were planned, "
                "so nobody can tell which to mask."
            )
            raise MaskingError(msg, hint="Name the columns one by one instead of using a star.")
        self._masking = masking
        self._outputs = tuple(outputs)
        self._are_masked = are_masked
        self.schema = pa.schema(
            [pa.field(out.name, schema.field(i).type) for i, out in enumerate(outputs)]
        )
        self.cells = [0] * len(outputs)

    def masked(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give batches that may be released, in the order of the raw ones.

        Raises:
            MaskingError: A column could not be masked; nothing of its batch was released.
        """
        is_work = not self._are_masked and any(
            output.mask and not output.is_fixed for output in self._outputs
        )
        masked = in_order(_slices(batches), self._mask) if is_work else map(self._mask, batches)
        for batch, cells in masked:
            self.cells = [one + more for one, more in zip(self.cells, cells, strict=True)]
            yield batch

    def _mask(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[int]]:
        """Return a masked batch, and how many cells of each column are masked."""
        columns, cells = [], [0] * len(self._outputs)
        for position, output in enumerate(self._outputs):
            column = batch.column(position)
            if output.is_fixed:
                # Null stands for null, or for every value.
                cells[position] = (len(column) - column.null_count) or len(column)
            elif output.mask is not None and self._are_masked:
                # What it was made of is not known here, and all of it was masked.
                cells[position] = len(column) - column.null_count
            elif output.mask is not None:
                masked = self._masking.mask(column, label=output.label, mask=output.mask)
                cells[position] = _changed(column, masked)
                column = masked
            columns.append(column)
        return pa.RecordBatch.from_arrays(columns, schema=self.schema), cells


def _slices(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give batches of bounded size, so that what is made of one stays in the caches and small."""
    for batch in batches:
        rows = max(_LEAST_ROWS, batch.num_rows * _SLICE_BYTES // (batch.nbytes or 1))
        for first in range(0, batch.num_rows or 1, rows):
            yield batch.slice(first, rows)
        # A traceback shows it, and it holds values.
        del batch


def _changed(before: pa.Array, after: pa.Array) -> int:
    """Count the cells that are no longer what they were."""
    return len(before) - int(np.count_nonzero(same_cells(before, after)))
