"""Compares what a scan found with what people have declared.

This module knows labels. It does not know YAML or files.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from maskline.model import UNKNOWN, ColumnRef, Label
from maskline.policy._policy import fold

__all__ = ["Drift", "LabelDiff", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A column that is labelled otherwise than it looks. The label in the policy holds."""

    ref: ColumnRef
    declared: Label
    found: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDiff:
    """What a scan changes in a policy, and what a person should look at.

    Attributes:
        added: Columns that had no label, with the one they got.
        unchanged: Columns that are labelled as they look, or that cannot be looked at.
        drifted: Columns that are labelled otherwise than they look. Nothing was changed.
        gone: Columns that have a label and are no longer there. Nothing was changed. A schema is
            empty where the policy names none.
        unknown: Columns that have no label and got none, so they stay masked.
    """

    added: tuple[tuple[ColumnRef, Label], ...] = ()
    unchanged: tuple[ColumnRef, ...] = ()
    drifted: tuple[Drift, ...] = ()
    gone: tuple[ColumnRef, ...] = ()
    unknown: tuple[ColumnRef, ...] = ()


def compare(
    declared: Mapping[ColumnRef, Label],
    found: Mapping[ColumnRef, Label],
    *,
    ignore_case: bool,
    unscanned: Collection[ColumnRef] = (),
) -> LabelDiff:
    """Compare labels.

    Args:
        declared: What the policy says; a schema may be empty.
        found: The columns of the database that were looked at, with what they look like.
        ignore_case: Whether ``Email`` and ``email`` are one name, as far as ASCII goes.
        unscanned: Columns of the database that were not looked at: they are not gone.
    """
    by_key = {_key(ref, ignore_case=ignore_case): ref for ref in declared}
    added, unchanged, drifted, unknown = [], [], [], []

    def declarations(ref: ColumnRef) -> list[ColumnRef]:
        key = _key(ref, ignore_case=ignore_case)
        return [by_key[one] for one in (key, key._replace(schema="")) if one in by_key]

    used = {one for ref in unscanned for one in declarations(ref)}
    for ref, label in found.items():
        matches = declarations(ref)
        used.update(matches)
        if not matches:
            if label.entity == UNKNOWN:
                unknown.append(ref)
            else:
                added.append((ref, label))
        elif label.entity == UNKNOWN or _agree(declared[matches[0]], label):
            unchanged.append(ref)
        else:
            drifted.append(Drift(ref=ref, declared=declared[matches[0]], found=label))
    return LabelDiff(
        added=tuple(added),
        unchanged=tuple(unchanged),
        drifted=tuple(drifted),
        gone=tuple(ref for ref in by_key.values() if ref not in used),
        unknown=tuple(unknown),
    )


def _key(ref: ColumnRef, *, ignore_case: bool) -> ColumnRef:
    return ColumnRef(*map(fold, ref)) if ignore_case else ref


def _agree(declared: Label, found: Label) -> bool:
    # Paths that only the policy has are no drift: the scan sees a sample of the documents.
    return declared.entity == found.entity and set(found.paths) <= set(declared.paths)
