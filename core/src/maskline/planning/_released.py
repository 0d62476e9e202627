"""Writes the SQL of a query that runs on raw values, so that it betrays no more than its answer.

This module knows what other modules make of a tree, and in which order. It does not know why.
"""

from collections.abc import Mapping

from maskline.model import Catalogue, ColumnRef
from maskline.planning import guard
from maskline.planning._fixed import fix
from maskline.planning._groups import hide_small_groups
from maskline.planning._proofs import Verdict
from maskline.planning._shuffle import shuffled
from maskline.planning.analyze import Analysis

__all__ = ["released"]


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
    if analysis.tree is None or not (masked or minimums or fixed):
        return analysis.sql
    dialect = catalogue.dialect
    tree = analysis.tree.copy()
    fix(tree, fixed, dialect)
    tree = shuffled(tree, dialect, masked=masked)
    hide_small_groups(tree, minimums)
    return guard.generate(tree, dialect)
