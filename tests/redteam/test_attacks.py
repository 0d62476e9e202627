"""Every attack of the catalogue leaks with a plain driver, and does not through maskline."""

from collections import Counter
from collections.abc import Callable

from maskline.redteam import Attack, Worlds


def test_the_attack_leaks_from_a_plain_driver(
    attack: Attack, redteam_worlds: Callable[[str], Worlds]
) -> None:
    assert redteam_worlds(attack.engine).leaks_raw(attack)


def test_the_attack_is_protected_against(
    attack: Attack, redteam_worlds: Callable[[str], Worlds]
) -> None:
    assert redteam_worlds(attack.engine).attack(attack).how == ""


def test_the_catalogue_is_large_and_its_names_are_unique(catalogue: list[Attack]) -> None:
    names = [(attack.family, attack.id, attack.engine) for attack in catalogue]
    sizes = Counter(attack.engine for attack in catalogue)

    assert len(set(names)) == len(names)
    assert len({attack.sql for attack in catalogue}) >= 200
    assert sizes["postgres"] >= 150
    assert sizes["duckdb"] >= 60
    assert sizes["sqlite"] >= 30
