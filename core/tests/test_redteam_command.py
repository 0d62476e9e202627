"""``maskline redteam`` attacks a policy, and tells what the policy shows from what leaks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from maskline.cli import main
from maskline.errors import PolicyError, UsageError
from maskline.redteam import Answer, Attack, Door, Outcome, Worlds, _run, read_attacks, run


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[Attack]:
    """Run a part of the catalogue: every tenth attack."""
    chosen = read_attacks()[::10]
    monkeypatch.setattr(_run, "read_attacks", lambda: chosen)
    return chosen


@pytest.fixture
def one_attack(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Run a single attack, of a text and a kind."""

    def choose(sql: str, kind: str) -> None:
        attack = Attack(id="x", family="f", engine="sqlite", kind=kind, sql=sql, by_chance=False)
        monkeypatch.setattr(_run, "read_attacks", lambda: [attack])

    return choose


@pytest.fixture
def write_policy(tmp_path: Path) -> Callable[[str], Path]:
    """Write a policy."""

    def write(rest: str) -> Path:
        policy = tmp_path / "policy.yaml"
        policy.write_text(f"version: 1\n{rest}\n")
        return policy

    return write


@pytest.fixture
def email_is_revealed(write_policy: Callable[[str], Path]) -> Path:
    """Write a policy that reveals e-mail addresses, and nothing else."""
    return write_policy("rules: [{what: EMAIL_ADDRESS, do: reveal, until: 2099-01-31}]")


def test_nothing_leaks_with_the_masks_that_are_built_in(
    few: list[Attack], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["redteam"]) == 0

    shown = capfd.readouterr()
    total = next(line for line in shown.out.splitlines() if line.startswith("all "))
    count = sum(attack.engine != "postgres" for attack in few)
    *_, tried, dead, refused, answered, by_policy, leaks = total.split()
    assert [tried, dead, by_policy, leaks] == [str(count), str(count), "0", "0"]
    assert int(refused) + int(answered) == count
    assert int(answered) > count / 2


def test_what_a_policy_reveals_is_no_leak(few: list[Attack], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nsources: {mine: {url: 'sqlite:///nowhere.db'}}\n"
        "rules:\n  - {what: US_SSN, do: reveal, until: 2099-01-31}\n"
        "  - {what: EMAIL_ADDRESS, literals: lookup}\n"
    )

    scores = run(["sqlite"], policy=policy)

    shown = {name: rule for score in scores.values() for name, rule in score.shown.items()}
    assert len(shown) > 5
    assert {rule for rules in shown.values() for rule in rules.split(", ")} <= {
        "rules[0]",
        "rules[1]",
    }
    assert [score.leaks for score in scores.values() if score.leaks] == []


def test_a_value_that_no_rule_reveals_is_a_leak_though_another_one_is_revealed(
    email_is_revealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [
        attack
        for attack in read_attacks()
        if attack.engine == "sqlite"
        and attack.kind == "value"
        and "ssn" in attack.sql
        and "email" not in attack.sql
    ][:20]
    monkeypatch.setattr(_run, "read_attacks", lambda: chosen)
    real = Door.ask

    def broken(door: Door, sql: str, *, timeout: float | None = None) -> Answer:
        answer = real(door, sql, timeout=timeout)
        # Only where the policy is in force, so that maskline's own masks are no measure of it.
        if door.session.policy.rules:
            answer.error, answer.names, answer.rows = "", ["ssn"], [("573-17-1402",)]
        return answer

    monkeypatch.setattr(Door, "ask", broken)

    scores = run(["sqlite"], policy=email_is_revealed)

    leaks = [told for score in scores.values() for told in score.leaks.values()]
    assert len(leaks) == 20
    assert all("US_SSN" in told for told in leaks)
    assert not any(score.shown for score in scores.values())


@pytest.mark.parametrize(
    "case",
    [
        ("SELECT email FROM customers", "value", True),
        ("SELECT ssn FROM customers", "value", False),
        ("SELECT id FROM customers WHERE email = '{email}'", "guess", True),
        ("SELECT id FROM customers WHERE ssn = '{ssn}'", "guess", False),
        ("SELECT notes FROM customers", "worlds", True),
        ("SELECT country, phone FROM customers", "worlds", False),
    ],
)
def test_a_difference_is_excused_only_by_a_rule_about_a_column_that_is_read(
    case: tuple[str, str, bool],
    email_is_revealed: Path,
    one_attack: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql, kind, is_shown = case
    one_attack(sql, kind)
    real = Door.ask

    def broken(door: Door, sql: str, *, timeout: float | None = None) -> Answer:
        del timeout
        answer = real(door, sql)
        asked.append(sql)
        answer.error, answer.names, answer.rows = "", ["x"], [(len(asked),)]
        return answer

    asked: list[str] = []
    monkeypatch.setattr(Door, "ask", broken)

    score = run(["sqlite"], policy=email_is_revealed)["f"]

    assert score.shown == ({"f/x on sqlite": "rules[0]"} if is_shown else {})
    assert bool(score.leaks) is not is_shown


@pytest.mark.parametrize(
    "case",
    [
        ("masks: {PHONE_NUMBER: {partial: {last: 4}}}", "SELECT profile FROM customers", "worlds",
         "masks.PHONE_NUMBER"),
        ("rules: [{what: FREE_TEXT, do: reveal, until: 2099-01-31}]", "SELECT notes FROM customers",
         "value", "rules[0]"),
        ("rules: [{what: US_SSN, literals: lookup}]",
         "SELECT id FROM customers WHERE ssn = '{ssn}'", "guess", "rules[0]"),
    ],
)  # fmt: skip
def test_what_a_policy_shows_is_told_with_its_rule(
    case: tuple[str, str, str, str],
    one_attack: Callable[[str, str], None],
    write_policy: Callable[[str], Path],
) -> None:
    rest, sql, kind, rule = case
    one_attack(sql, kind)

    score = run(["sqlite"], policy=write_policy(rest))["f"]

    assert score.shown == {"f/x on sqlite": rule}
    assert score.leaks == {}


def test_a_run_in_which_nothing_is_answered_has_tested_nothing(
    few: list[Attack],
    write_policy: Callable[[str], Path],
    capfd: pytest.CaptureFixture[str],
) -> None:
    policy = write_policy("rules: [{who: {kind: agent}, purpose: required}]")
    command = ["redteam", "-p", str(policy), "--as", "agent:a", "--engine", "sqlite"]

    assert main(command) == 1
    assert "nothing was answered" in capfd.readouterr().err
    assert main([*command, "--purpose", "test"]) == 0


def test_only_the_engines_that_are_named_are_attacked(
    few: list[Attack], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["redteam", "--engine", "sqlite", "--engine", "sqlite", "--format", "json"]) == 0

    scores = json.loads(capfd.readouterr().out)
    assert sum(score["attacks"] for score in scores.values()) == sum(
        attack.engine == "sqlite" for attack in few
    )


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
        Worlds,
        "attack",
        lambda _, attack: Outcome(
            sql=attack.sql,
            is_answered=True,
            came_out=frozenset({"US_SSN"} if attack is few[0] else ()),
        ),
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
