"""Every attack of the catalogue leaks with a plain driver, and does not through maskline."""

from collections.abc import Callable
from typing import Any

# A guess is compared with the person whose id is 4; wrong guesses belong to nobody.
RIGHT = 3


def guesses(attack: Any, world: Any) -> tuple[str, str]:
    """Return the attack with a right and with a wrong guess."""
    p = world.oracle.everybody[RIGHT]
    right = {
        "ssn": p.ssn, "num": p.ssn_num, "email": p.email, "name": p.full_name, "born": p.born,
        "head": p.ssn[:5], "tail": p.ssn[-5:], "low": p.ssn_num - 1, "high": p.ssn_num + 1,
        "phone": p.phone,
    }  # fmt: skip
    wrong = {
        "ssn": "899-99-9998", "num": 899999998, "email": "nobody@canary.example",
        "name": "No Body", "born": "1899-01-02", "head": "899-9", "tail": "99998",
        "low": 899999990, "high": 899999999, "phone": "+1 202 555 9999",
    }  # fmt: skip
    return attack.sql.format(**right), attack.sql.format(**wrong)


def test_the_attack_leaks_from_a_plain_driver(
    attack: Any, redteam_worlds: Callable[[str], tuple[Any, Any]]
) -> None:
    world, other = redteam_worlds(attack.engine)

    if attack.kind == "guess":
        right, wrong = map(world.raw, guesses(attack, world))
        assert right.told != wrong.told
    elif attack.kind == "worlds":
        ours, theirs = world.raw(attack.sql), other.raw(attack.sql)
        assert ours.told != theirs.told
    else:
        answer = world.raw(attack.sql)
        assert world.oracle.found(answer.text), answer.text[:600]


def test_the_attack_is_protected_against(
    attack: Any, redteam_worlds: Callable[[str], tuple[Any, Any]]
) -> None:
    world, other = redteam_worlds(attack.engine)

    if attack.kind == "guess":
        right, wrong = map(world.masked, guesses(attack, world))
        assert right.told == wrong.told
        assert not world.oracle.found(right.text)
        return
    ours, theirs = world.masked(attack.sql), other.masked(attack.sql)
    assert not world.oracle.found(ours.text)
    assert not other.oracle.found(theirs.text)
    if not attack.by_chance:
        assert ours.told == theirs.told


def test_the_catalogue_is_large_and_its_names_are_unique(catalogue: list[Any]) -> None:
    names = [(attack.family, attack.id, attack.engine) for attack in catalogue]

    assert len(set(names)) == len(names)
    assert len({attack.sql for attack in catalogue}) >= 200
    assert {attack.engine for attack in catalogue} == {"duckdb", "sqlite", "postgres"}
