"""Writes the SQL of a query that runs on raw values, so that it betrays no more than its answer.

This module knows what other modules make of a tree, and in which order. It does not know why.
"""

from collections.abc import Hashable, Mapping
from typing import Final

from sqlglot import exp

from maskline._kept import Kept
from maskline.model import Catalogue, ColumnRef
from maskline.planning import guard
from maskline.planning._fixed import fix
from maskline.planning._groups import hide_small_groups
from maskline.planning._proofs import Verdict
from maskline.planning._shuffle import shuffled
from maskline.planning.analyze import Analysis

__all__ = ["released"]

_written: Final[Kept[Hashable, tuple[Analysis, str]]] = Kept()


def released(
    analysis: Analysis,
    catalogue: Catalogue,
    *,
    masked: frozenset[ColumnRef],
    minimums: Mapping[ColumnRef, int],
    fixed: Mapping[int, Verdict],
) -> str:
    """Return a query's SQL, in which chance decides what it leaves to the engine.

    Args:
        analysis: Of the query.
        catalogue: That it was analysed by.
        masked: The columns that the engine's choice might betray.
        minimums: How many values sums and counts of a column need, to be shown.
        fixed: Columns of the answer that the database fills in.
    """
    tree = analysis.tree
    if tree is None or not (masked or minimums or fixed):
        return analysis.sql
    what = tuple((place, each.column, each.traits) for place, each in fixed.items())
    key = (id(analysis), catalogue.dialect, masked, tuple(minimums.items()), what)
    # The analysis is kept too, so that no other object can get its identity.
    return _written.get(
        key, lambda: (analysis, _write(tree, catalogue.dialect, masked, minimums, fixed))
    )[1]


def _write(
    original: exp.Query,
    dialect: str,
    masked: frozenset[ColumnRef],
    minimums: Mapping[ColumnRef, int],
    fixed: Mapping[int, Verdict],
) -> str:
    tree = original.copy()
    fix(tree, fixed, dialect)
    tree = shuffled(tree, dialect, masked=masked)
    hide_small_groups(tree, minimums)
    return guard.generate(tree, dialect)
