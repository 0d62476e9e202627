"""``maskline redteam`` attacks a policy, and tells what the policy shows from what leaks."""

import json
from pathlib import Path

import pytest

from maskline.cli import main
from maskline.errors import PolicyError, UsageError
from maskline.redteam import Attack, Worlds, _run, read_attacks, run


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[Attack]:
    """Run a part of the catalogue: every tenth attack."""
    chosen = read_attacks()[::10]
    monkeypatch.setattr(_run, "read_attacks", lambda: chosen)
    return chosen


def test_nothing_leaks_with_the_masks_that_are_built_in(
    few: list[Attack], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["redteam"]) == 0

    shown = capfd.readouterr()
    total = next(line for line in shown.out.splitlines() if line.startswith("all "))
    count = sum(attack.engine != "postgres" for attack in few)
    assert total.split() == ["all", str(count), str(count), "0", "0"]


def test_what_a_policy_reveals_is_no_leak(few: list[Attack], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nsources: {mine: {url: 'sqlite:///nowhere.db'}}\n"
        "rules:\n  - {what: US_SSN, do: reveal, until: 2099-01-31}\n"
        "  - {what: EMAIL_ADDRESS, literals: lookup}\n"
    )

    scores = run(["sqlite"], policy=policy)

    assert sum(len(score.shown) for score in scores.values()) > 5
    assert [score.leaks for score in scores.values() if score.leaks] == []


def test_postgres_is_attacked_on_a_server_and_left_as_it_was(
    few: list[Attack], postgres_server: str
) -> None:
    scores = run(["postgres"], postgres=postgres_server)

    assert sum(score.attacks for score in scores.values()) > 30
    assert not any(score.leaks or score.dead for score in scores.values())


def test_a_leak_is_told_by_its_name_and_ends_with_1(
    few: list[Attack], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name = f"{few[0].family}/{few[0].id}"
    monkeypatch.setattr(
        Worlds, "leak", lambda _, attack: "a value came out" if attack is few[0] else ""
    )

    assert main(["redteam", "--format", "json"]) == 1

    scores = json.loads(capfd.readouterr().out)
    assert [key.partition(" on ")[0] for score in scores.values() for key in score["leaks"]] == [
        name
    ]


def test_a_broken_policy_is_told_before_anything_is_made(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nmasks: {US_SSN: nonsense}\n")

    with pytest.raises(PolicyError, match="nonsense"):
        run(["sqlite"], policy=policy)


def test_postgres_needs_a_server(few: list[Attack]) -> None:
    with pytest.raises(UsageError, match="--postgres"):
        run(["postgres"])
