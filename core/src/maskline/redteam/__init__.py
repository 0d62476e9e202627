"""Attacks maskline with a policy of yours, on databases full of made-up people.

Each attack is known to get something from a plain driver; through maskline it must get nothing.
`docs/explanation/red-team.md` describes the attacks and what they cannot show.
"""

from maskline.redteam._asking import Answer, Door, ask_raw, open_door, run_script
from maskline.redteam._attacks import ENGINES, Attack, read_attacks
from maskline.redteam._oracle import Oracle
from maskline.redteam._people import Person, partners, people
from maskline.redteam._run import Score, run
from maskline.redteam._suite import Outcome, World, Worlds
from maskline.redteam._twins import as_twin_of
from maskline.redteam._worlds import LABELS, definitions, fill

__all__ = [
    "ENGINES",
    "LABELS",
    "Answer",
    "Attack",
    "Door",
    "Oracle",
    "Outcome",
    "Person",
    "Score",
    "World",
    "Worlds",
    "as_twin_of",
    "ask_raw",
    "definitions",
    "fill",
    "open_door",
    "partners",
    "people",
    "read_attacks",
    "run",
    "run_script",
]
