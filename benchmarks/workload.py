"""The data that benchmarks measure with: made from a seed, the same on every machine.

One table of persons with everything that is worth masking, and texts in several languages in which
there is little of it. Nothing in them belongs to anybody. What was made is kept in the folder for
temporary files, by seed and size. This module knows numpy and Arrow, and writes DuckDB files. It
does not know maskline.
"""

import hashlib
import json
import os
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

__all__ = ["STRINGS", "TEXTS", "database", "hostile", "persons", "text"]

Random: TypeAlias = np.random.Generator

SEED: Final = 20261122
STRINGS: Final = (
    "full_name", "email", "phone", "ssn", "credit_card", "iban", "address", "ip", "notes",
    "payload",
)  # fmt: skip
"""The columns of text of the table ``person``; its others are id, birth_date and amount."""

_SOURCE: Final = Path(__file__).with_name("words.toml").read_bytes()
_WORDS: Final = {name: words.split() for name, words in tomllib.loads(_SOURCE.decode()).items()}


def persons(rows: int) -> pa.Table:
    """Return the table ``person``: 13 columns, one note in ten with something sensitive in it."""
    return _kept(f"person-{rows}", lambda: _persons(rows))


def text(name: str, rows: int) -> pa.StringArray:
    """Return rows of a text, with no null among them.

    Args:
        name: One of `TEXTS`.
        rows: How many.
    """
    return _kept(f"{name}-{rows}", lambda: pa.table({name: TEXTS[name](rows)}))[name].chunk(0)


def database(path: Path, rows: int) -> None:
    """Write a DuckDB file with the table ``person``, of a million different rows at most."""
    once = min(rows, 1_000_000)
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("made", persons(once))
        connection.execute("CREATE TABLE person AS FROM made LIMIT 0")
        for begin in range(0, rows, once):
            # Numbered on, and cut where the last million is not a whole one.
            connection.execute(
                f"INSERT INTO person SELECT id + {begin} AS id, * EXCLUDE id FROM made "  # noqa: S608
                f"LIMIT {rows - begin}"
            )


def hostile(size: int) -> dict[str, pa.StringArray]:
    """Return rows, by title, that lead a search into many beginnings without an end.

    Args:
        size: In bytes, of the one row in each; a last character that does not fit is left out.
    """
    bits = {
        "digits": "4111111111111111",
        "groups of digits": "4111 ",
        "dotted digits": "1.",
        "dashed digits": "123-45-",
        "colons": "ab:",
        "at signs": "a@",
        "dotted hosts": "a@b.c.",
        "plus signs": "+1 (",
        "schemes": "http://",
        "web tokens": "eyJ.",
        "IBAN beginnings": "DE89 ",
        "labels": "card iban ssn tel ",
        "cloud keys": "AKIA",
        "brackets": "[US_SSN",
        "letters": "a",
        "full-width digits": "\uff14\uff11\uff11\uff11 ",
        "invisible characters": "4\u200b",
    }
    return {
        title: pa.array([(bit.encode() * size)[:size].decode("utf-8", "ignore")])
        for title, bit in bits.items()
    }


def _kept(name: str, make: Callable[[], pa.Table]) -> pa.Table:
    """Return a table that was made before, or make it and keep it."""
    # Another generator makes other data, so its digest is part of the name.
    digest = hashlib.sha256(Path(__file__).read_bytes() + _SOURCE).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"maskline-bench-{os.getuid()}-{SEED}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}.arrow"
    if not path.exists():
        table = make().combine_chunks()
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            Path(file.name).replace(path)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _random(name: str) -> Random:
    return np.random.default_rng([SEED, *name.encode()])


def _pick(random: Random, choices: Sequence[str], rows: int) -> list[str]:
    return [choices[index] for index in random.integers(0, len(choices), rows).tolist()]


def _persons(rows: int) -> pa.Table:
    random = _random("person")
    first, last = _pick(random, _WORDS["first"], rows), _pick(random, _WORDS["last"], rows)
    columns = {
        "full_name": [f"{one} {other}" for one, other in zip(first, last, strict=True)],
        "email": _emails(random, first, last),
        "phone": _phones(random, rows),
        "ssn": _ssns(random, rows),
        "credit_card": _cards(random, rows),
        "iban": _ibans(random, rows),
        "address": _addresses(random, rows),
        "ip": [".".join(map(str, each)) for each in random.integers(1, 255, (rows, 4)).tolist()],
    }
    secrets = [
        *(columns[name] for name in ("email", "phone", "credit_card", "ssn", "iban", "ip")),
        ["AKIA" + key for key in _keys(random, max(rows // 20, 1))],
    ]
    columns["notes"] = _notes(random, rows, secrets)
    columns["payload"] = _payloads(random, columns)
    days = random.integers(-10_000, 14_000, rows).astype(np.int32)
    return pa.table(
        {
            "id": pa.array(np.arange(rows, dtype=np.int64)),
            **{name: pa.array(columns[name], pa.string()) for name in STRINGS[:-2]},
            "birth_date": pa.array(days).cast(pa.date32()),
            "notes": pa.array(columns["notes"], pa.string()),
            "amount": pa.array(np.round(random.gamma(2.0, 120.0, rows), 2)),
            "payload": pa.array(columns["payload"], pa.string()),
        }
    )


def _emails(random: Random, first: Sequence[str], last: Sequence[str]) -> list[str]:
    rows = len(first)
    plain = str.maketrans("üöëçøł", "uoecol")
    numbers, hosts = random.integers(1, 10**6, rows).tolist(), _pick(random, _WORDS["hosts"], rows)
    return [
        f"{one}.{other}{number}@{host}".lower().translate(plain)
        for one, other, number, host in zip(first, last, numbers, hosts, strict=True)
    ]


def _phones(random: Random, rows: int) -> list[str]:
    forms = (
        "({0}) {1}-{2:04d}",
        "{0}-{1}-{2:04d}",
        "+1 {0} {1} {2:04d}",
        "+4{3} {0} {1}{2:04d}",
        "{0}.{1}.{2:04d}",
    )
    parts = random.integers([200, 200, 0, 0, 0], [990, 990, 10_000, 10, len(forms)], (rows, 5))
    return [forms[form].format(*numbers) for *numbers, form in parts.tolist()]


def _ssns(random: Random, rows: int) -> list[str]:
    parts = random.integers([1, 1, 1], [666, 100, 10_000], (rows, 3)).tolist()
    return [f"{area:03d}-{group:02d}-{serial:04d}" for area, group, serial in parts]


def _cards(random: Random, rows: int) -> list[str]:
    """Return numbers of 16 digits with a right check digit, half of them in groups of four."""
    digits = random.integers(0, 10, (rows, 15))
    digits[:, 0] = 4
    doubled = digits.copy()
    doubled[:, ::2] *= 2
    total = np.where(doubled > 9, doubled - 9, doubled).sum(axis=1)  # noqa: PLR2004 - ISO/IEC 7812
    whole = np.column_stack([digits, -total % 10]).astype(np.uint8) + ord("0")
    numbers = np.ascontiguousarray(whole).view("S16").ravel().astype("U16").tolist()
    marks = _pick(random, ("", "", " ", "-"), rows)
    return [
        mark.join((number[:4], number[4:8], number[8:12], number[12:]))
        for number, mark in zip(numbers, marks, strict=True)
    ]


def _ibans(random: Random, rows: int) -> list[str]:
    accounts = random.integers(10**17, 10**18, rows).tolist()
    # D and E are 13 and 14 in ISO 13616.
    return [f"DE{98 - (account * 10**6 + 131_400) % 97:02d}{account}" for account in accounts]


def _addresses(random: Random, rows: int) -> list[str]:
    parts = zip(
        random.integers(1, 9999, rows).tolist(),
        _pick(random, _WORDS["streets"], rows),
        _pick(random, _WORDS["ways"], rows),
        _pick(random, _WORDS["cities"], rows),
        _pick(random, _WORDS["states"], rows),
        random.integers(501, 99_950, rows).tolist(),
        strict=True,
    )
    return [f"{no} {street} {way}, {city}, {state} {zip_:05d}"
            for no, street, way, city, state, zip_ in parts]  # fmt: skip


def _keys(random: Random, rows: int) -> list[str]:
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", dtype="S1")
    return random.choice(letters, (rows, 16)).view("S16").ravel().astype("U16").tolist()


def _notes(random: Random, rows: int, secrets: Sequence[Sequence[str]]) -> list[str]:
    notes = _sentences(random, _WORDS["jotted"], rows, lengths=(12, 28))
    rare = np.flatnonzero(random.random(rows) < 0.1)  # noqa: PLR2004 - one note in ten
    kinds = random.integers(0, len(secrets), len(rare))
    for row, kind in zip(rare.tolist(), kinds.tolist(), strict=True):
        words = notes[row]
        words.insert(len(words) // 2, secrets[kind][row % len(secrets[kind])])
    return [" ".join(words) for words in notes]


def _payloads(random: Random, columns: dict[str, list[str]]) -> list[str]:
    rows = len(columns["email"])
    parts = zip(
        random.integers(1, 10**6, rows).tolist(),
        columns["email"], columns["phone"], columns["ip"], reversed(columns["notes"]),
        strict=True,
    )  # fmt: skip
    return [
        json.dumps(
            {
                "user": {"id": number, "contact": {"email": email, "tel": phone}},
                "device": {"ip": ip, "os": "linux", "ver": f"5.{number % 97}"},
                "cart": [{"sku": f"A{number % 9973}", "qty": number % 7}],
                "note": note[:44],
            },
            separators=(",", ":"),
        )
        for number, email, phone, ip, note in parts
    ]


def _sentences(
    random: Random, words: Sequence[str], rows: int, *, lengths: tuple[int, int]
) -> list[list[str]]:
    """Return words for each row: frequent ones, which come first, more often."""
    counts = random.integers(*lengths, rows)
    edges = np.concatenate([[0], np.cumsum(counts)]).tolist()
    which = (len(words) * random.random(edges[-1]) ** 1.5).astype(np.int64).tolist()
    drawn = [words[index] for index in which]
    return [drawn[begin:end] for begin, end in pairwise(edges)]


def _prose(name: str, words: Sequence[str], asides: Sequence[str], rows: int) -> pa.StringArray:
    """Return sentences with capitals, punctuation and numbers, and one address in a hundred rows.

    Args:
        name: Sets the seed.
        words: The most frequent first.
        asides: What one word in twenty is replaced by; ``{}`` is a number.
        rows: How many.
    """
    random = _random(name)
    prose = _sentences(random, words, rows, lengths=(15, 35))
    numbers = random.integers(1, 5000, rows).tolist()
    places = random.integers(0, 15, (rows, 3)).tolist()
    for number, row, (one, comma, stop) in zip(numbers, prose, places, strict=True):
        row[one] = asides[number % len(asides)].format(number)
        row[comma] += ","
        row[stop] += "."
        row[0] = row[0].capitalize()
        if number % 100 == 0:
            row.append(f"({row[1].strip(',.').lower()}{number}@example.org)")
    return pa.array([" ".join(row) + "." for row in prose], pa.string())


def _chinese(rows: int) -> pa.StringArray:
    random = _random("Chinese")
    prose = _sentences(random, _WORDS["chinese"], rows, lengths=(30, 60))
    numbers = random.integers(1, 5000, rows).tolist()
    for number, row in zip(numbers, prose, strict=True):
        row[9] += "、"
        row[19] += f"{number}年"
        if number % 100 == 0:
            row.append(f"《user{number}@example.org》")
    return pa.array(["".join(row) + "。" for row in prose], pa.string())


TEXTS: Final[dict[str, Callable[[int], pa.StringArray]]] = {
    "notes": lambda rows: persons(rows)["notes"].chunk(0),
    "English": lambda rows: _prose(
        "English",
        _WORDS["english"],
        (
            "{} people",
            "on 3 May {}",
            "for ${}.50",
            "at half past {}",
            "No. {}",
            "of Mr. Brown",
            "{}%",
        ),
        rows,
    ),
    "JSON": lambda rows: persons(rows)["payload"].chunk(0),
    "German": lambda rows: _prose(
        "German",
        _WORDS["german"],
        ("{} Bürger", "am 3. Mai {}", "für {},50 €", "um 10.30 Uhr"),
        rows,
    ),
    "Chinese": _chinese,
}
"""Makers of rows of text, by name: one column each, without nulls."""
