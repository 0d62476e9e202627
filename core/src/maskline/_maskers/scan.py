"""The mask of free text: what is found in it is masked, and the rest stays.

This module knows spans and labels. It does not know who finds the spans, or what an entity becomes:
the mask context does.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from maskline._kernels import by_leaf, is_nested, splice
from maskline.model import FREE_TEXT, JSON, PUBLIC, UNKNOWN, Kind, OptionValue, Spans, Traits
from maskline.roles import MaskContext

from ._json_cells import mask_cells
from ._json_nested import mask_nested
from ._options import unknown_options
from .redact import redact, redaction

__all__ = ["ScanMasker", "scan_text"]

_MIXED: Final = frozenset({FREE_TEXT, PUBLIC, UNKNOWN})


class ScanMasker:
    """Masks what the detectors find in text, each entity as the policy wants it masked.

    JSON is parsed: its labelled paths are masked whole, everything else in it is scanned. A column
    labelled with an entity is sensitive as a whole, whether or not a detector agrees, so it is
    redacted; nor can an entity whose own mask is *scan* call upon itself without end. Lists,
    structs and maps are JSON where they are labelled so. Any other value than text becomes null.
    """

    name = "scan"
    takes_nested: Final = True

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        """Accept no options."""
        return unknown_options(self.name, options)

    def traits(self, options: Mapping[str, OptionValue], kind: Kind) -> Traits:  # noqa: ARG002
        """Keep the nulls of text; two texts may differ only in what is masked."""
        return Traits(injective=False, keeps_nulls=kind is Kind.TEXT)

    def mask(
        self,
        column: pa.Array,
        *,
        options: Mapping[str, OptionValue],
        context: MaskContext,
    ) -> pa.Array:
        """Return text in which every sensitive stretch is masked, null for anything else."""
        label = context.label
        is_text = column.type == pa.string()
        if label.entity == JSON and (is_text or is_nested(column.type)):
            mask_json = mask_cells if is_text else mask_nested
            return mask_json(
                column,
                paths=label.paths,
                mask_as=context.mask_as,
                scan=lambda text: scan_text(text, context, are_leaves=True),
            )
        if is_nested(column.type):
            return by_leaf(column, partial(self.mask, options=options, context=context))
        if is_text and label.entity in _MIXED:
            return scan_text(column, context)
        return redact(column, label.entity)


def scan_text(
    column: pa.StringArray, context: MaskContext, *, are_leaves: bool = False
) -> pa.StringArray:
    """Mask every stretch of text that a detector finds.

    Args:
        column: Any length, nulls allowed.
        context: Finds and masks.
        are_leaves: Whether the values are leaves of JSON. One that is nothing but a date is then
            left alone, as a column of dates is: a birthday is told by its name.

    Returns:
        The same length; null where *column* is null, and nowhere else.
    """
    spans = context.find(column)
    if are_leaves:
        spans = _but_whole_dates(spans, column)
    return splice(column, spans, partial(_masked, spans=spans, context=context))


def _but_whole_dates(spans: Spans, column: pa.StringArray) -> Spans:
    """Leave out what is a date or a time and makes up all of a value."""
    sizes = pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    is_whole = (spans.starts == 0) & (spans.ends == sizes[spans.rows])
    return spans.take(~(is_whole & spans.are("DATE_TIME")))


def _masked(stretches: pa.StringArray, *, spans: Spans, context: MaskContext) -> pa.StringArray:
    """Return the mask of each stretch."""
    masked, places = [pa.array([], pa.string())], [np.empty(0, np.int64)]
    for entity in np.unique(spans.entities):
        where = np.flatnonzero(spans.entities == entity)
        name = spans.names[entity]
        values = context.mask_as(name, stretches.take(pa.array(where)))
        # A stretch cannot be null, and one that vanished could join its neighbours to a new value.
        masked.append(pc.fill_null(values, redaction(name)))
        places.append(where)
    return pa.concat_arrays(masked).take(pa.array(np.argsort(np.concatenate(places))))
