"""Runs every attack against a policy, and counts.

This module knows policies as files, and the suite. It does not know how a score is shown.
"""

import io
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from maskline.errors import SourceError
from maskline.model import Principal
from maskline.plugins import load_policy
from maskline.redteam._asking import run_script
from maskline.redteam._attacks import Attack, read_attacks
from maskline.redteam._excuses import Excuses
from maskline.redteam._suite import Worlds
from maskline.sources._streams import attempt

__all__ = ["Score", "run"]

_KEPT: Final = ("plugins", "masks", "rules")
_SINKS: Final = "sinks: {jsonl: {path: out/events.jsonl}}\n"
# The attacks ask far more than anybody may, and what a limit refuses tells nothing about the rest.
_LIMITS: Final = "limits: {lookups_per_hour: 1000000}\n"


@dataclass
class Score:
    """What became of the attacks of one family.

    Attributes:
        attacks: How many there are.
        dead: How many get nothing from a plain driver, either: they say nothing about maskline.
        refused: How many maskline, or the database behind it, refuses to answer.
        answered: How many are answered, masked.
        shown: Attacks that get what the policy itself shows, and by which rule or mask.
        leaks: Attacks that get what no rule shows, and how.
    """

    attacks: int = 0
    dead: int = 0
    refused: int = 0
    answered: int = 0
    shown: dict[str, str] = field(default_factory=dict)
    leaks: dict[str, str] = field(default_factory=dict)


def run(  # noqa: PLR0913 - all that a run is a function of
    engines: Sequence[str],
    *,
    policy: Path | None = None,
    postgres: str = "",
    principal: Principal | None = None,
    purpose: str = "",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Score]:
    """Attack made-up people under a policy's masks and rules.

    Args:
        engines: Which to attack: ``duckdb``, ``sqlite``, ``postgres``.
        policy: Its masks, rules and plugins are used, and the labels and databases of the suite;
            None for the masks that maskline has by itself.
        postgres: The URL of a server on which databases may be created; they are dropped again.
        principal: Who attacks.
        purpose: Why they say that they ask.
        progress: Called with how many attacks are done and how many there are.

    Returns:
        A score for each family, in the order of the catalogue.

    Raises:
        PolicyError: The policy is broken.
        SourceError: No database can be created on the server.
    """
    attacks = [attack for attack in read_attacks() if attack.engine in engines]
    scores: dict[str, Score] = {}
    rest = _SINKS if policy is None else _rest_of(policy)
    with ExitStack() as stack:
        new_postgres = stack.enter_context(_databases(postgres)) if postgres else None

        def worlds(engine: str) -> Worlds:
            a, b = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in "AB")
            made = Worlds(
                engine,
                (a, b),
                rest=rest,
                new_postgres=new_postgres,
                principal=principal,
                purpose=purpose,
            )
            return stack.enter_context(made)

        both = {engine: worlds(engine) for engine in engines}
        excuses = {engine: Excuses(made.ours.door.session) for engine, made in both.items()}
        for done, attack in enumerate(attacks):
            progress(done, len(attacks))
            score = scores.setdefault(attack.family, Score())
            _attack(attack, score, both[attack.engine], excuses[attack.engine])
        progress(len(attacks), len(attacks))
    return scores


def _attack(attack: Attack, score: Score, worlds: Worlds, excuses: Excuses) -> None:
    score.attacks += 1
    if not worlds.leaks_raw(attack):
        score.dead += 1
    outcome = worlds.attack(attack)
    score.answered += outcome.is_answered
    score.refused += not outcome.is_answered
    if not outcome.how:
        return
    name = f"{attack.family}/{attack.id} on {attack.engine}"
    rule = excuses.rule_for(outcome, is_guess=attack.kind == "guess")
    if rule:
        score.shown[name] = rule
    else:
        score.leaks[name] = outcome.how


def _rest_of(policy: Path) -> str:
    """Return the masks, rules and plugins of a policy, as YAML."""
    from ruamel.yaml import YAML

    load_policy(policy)
    yaml = YAML(typ="safe", pure=True)
    document: dict[str, Any] = yaml.load(policy.read_text(encoding="utf-8")) or {}
    written = io.StringIO()
    yaml.dump({key: document[key] for key in _KEPT if document.get(key)}, written)
    kept = written.getvalue()
    return f"{'' if kept.strip() == '{}' else kept}{_SINKS}{_LIMITS}"


@contextmanager
def _databases(url: str) -> Iterator[Callable[[str], str]]:
    """Hand out new databases of a server, and drop them at the end."""
    names: list[str] = []

    def new(script: str) -> str:
        name = f"maskline_redteam_{uuid.uuid4().hex}"
        _script(url, f"CREATE DATABASE {name}")
        names.append(name)
        address = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        _script(address, script)
        return address

    try:
        yield new
    finally:
        for name in names:
            _script(url, f"DROP DATABASE {name} WITH (FORCE)")


def _script(url: str, script: str) -> None:
    attempt(lambda: run_script(url, script), _unprepared)


def _unprepared(error: Exception) -> SourceError:
    msg = f"The red team cannot prepare its databases on the server: {type(error).__name__}."
    return SourceError(msg, hint="The role must be allowed to create databases.")
