"""How a plan looks before its query is run. This module knows plans; it does not know IPython."""

from maskline.model import PUBLIC, Strategy
from maskline.planning import Plan
from maskline.views import View, listing, statement

__all__ = ["planned"]

_HOW = {
    Strategy.COMMUTING: "the database runs it once, and columns are masked as they leave",
    Strategy.AT_READ: "the database runs it once, and masks columns as it reads them",
    Strategy.LOCAL: "the database runs it once, on temporary tables that hold masked rows only",
}


def planned(plan: Plan) -> View:
    """Return how a query would be answered, or why it would not be."""
    if plan.refusals:
        reasons = [f"{each.reason} {each.hint}".strip() for each in plan.refusals]
        return statement("refused", "nothing would be read", notes=reasons)
    above = statement(
        plan.strategy.value,
        _HOW[plan.strategy],
        "nothing was read",
        notes=plan.reasons + plan.notes,
    )
    below = listing(
        ("column", "what it is", "shown as", "comes from", "decided by"),
        [
            (
                output.name,
                "" if output.label.entity == PUBLIC else output.label.entity,
                str(output.mask) if output.mask else "as it is",
                ", ".join(str(ref) for ref, _ in output.sources),
                output.rule,
            )
            for output in plan.outputs
        ],
        empty="no column",
    )
    return View(text=f"{above.text}\n{below.text}", html=above.html + below.html)
