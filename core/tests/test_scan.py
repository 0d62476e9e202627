"""The compiled scanner finds exactly what the expressions of the built-in detectors find."""

import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from maskline import _folding
from maskline._detectors import COMPILED, scanner
from maskline._detectors.resolution import resolve
from maskline._folding import characters, fold
from maskline._kernels import native
from maskline.model import Label, Spans
from maskline.patterns import PatternDetector, PatternRule
from maskline.testing import MemoryContext

ROWS = 2000
DETECTORS = sorted(COMPILED, key=lambda detector: detector.name)
needs_native = pytest.mark.skipif(native is None, reason="the kernels were not compiled")


def tokens():
    made = []
    for domain in ("EMAIL_ADDRESS", "US_SSN"):
        tokenizer = MemoryContext(Label(entity=domain)).tokenizer(domain)
        values = pa.array(["ada@mail.example.com", "b@x.org"], pa.string())
        made += tokenizer.text(values).to_pylist() + tokenizer.email(values).to_pylist()
    return made


DIGITS = "0|1|2|3|4|5|6|7|8|9"
GAP = "|| |-|.|/|  |. |(|)|) | (|--| - "
GROUP = f"{DIGITS}|12|30|212|555|1234|0100|1234567"
EDGE = "||| |x|_|.|-|é|中|1"
END = "||| |.|x|1|é|-|_"
IBANS = "DE89370400440532013000|GB29NWBK60161331926819|NO9386011117947|gb29nwbk60161331926819"
CARDS = (
    "4111|1111|4111 1111 1111 1111|378282246310005|5555-5555-5555-4444|30569309025904"
    "|6011111111111117|4222222222222|4000 0000 0000 0000 006"
)
TOKENS = "|".join(tokens())
SECRET = "|".join("aB3/" * 20 + "x" * size for size in (0, 5, 6)) + "|" + "|".join(
    ("aB+" * 30)[:size] for size in (39, 40, 41, 43, 86)
)  # fmt: skip
EXAMPLES = [
    "jane.o'neil+x@a.example.co", "müller@straße.example", "+49 (0)30 1234567",
    "(212) 555-0100 x12", "1-212-555-0100", "fax: 2125550100", "089 72 63 41 22",
    "91 55 12 34 office", "(96) 627-277", "https://example.com/a(b)?c=d", "www.example.com",
    "4111-1111-1111-1111", "378282246310005", "card number 4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 00", "IBAN: DE00 3704 0044 0532 0130 00", "078-05-1120",
    "078.05.1120", "078 05 1120", "ssn 078051120", "10.0.0.1", "2001:db8::1", "fe80::1%eth0",
    "00:1b:44:11:3a:b7", "001b.4411.3ab7", "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = " + "aB3/" * 10, "AIza" + "b" * 35, "GOCSPX-" + "b" * 28,
    "ya29." + "c" * 30, "AccountKey=" + "c" * 86 + "==", "abc8Q~" + "d" * 34,
    "?sig=" + "e%2B" * 12 + "=", "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc-_", "[EMAIL_ADDRESS]",
    "téléphone 01 23 45 67 89", "teléfono 912345678", "0171 1234567", "0049 171 1234567",
    "call me at 555 123 4567", "social security number is 123-45-6789", "05-06-2020",
    *tokens(),
]  # fmt: skip

# Any of these pieces, again and again.
SOUPS = {
    "digits": f"{DIGITS}|{DIGITS}| | |.|-|/|(|)|+|x|,|  |00|+1",
    "cards": f"{CARDS}|4|5|37|1|000|12345678| | |-|.|  |card |visa:|pan |x|\n|CC#|ccn|é",
    "hexadecimal": "0|1|2|9|a|b|c|e|f|A|F|:|:|:|-|.|%|::|00|1b:44|g| |eth0|é|1.2.3.4",
    "hardware addresses": "00:1b:44:11:3a:b7|00-1b-44-11-3a-b7|001b.4411.3ab7|:|-|.|a|g|0| ",
    "dotted numbers": "1|10|255|256|0|01|1000|.|.|.|.|.|.| |x|-|é|:",
    "addresses": "a|b|1|_|.|+|-|@|@|.|.|a@b.co|é|。|中|@x.y|'|!|、| |xn--",
    "links": (
        "http|https|ftp|ftps|://|://|:/|/|www|www1|WwW|w|HTTP|.|.|a|b.c|?|!|)|(|[|]|{|}|*|,|;|:"
        '|"|<|>| |é|-|_|`|x'
    ),
    "accounts": f"{IBANS}|DE|89|3704 0044|0532 0130 00| |-|_|iban|IBAN|:|AB12|CD34|3|X|é|\n|ABC|AT",
    "web tokens": (
        "eyJ|eyJhbGciOiJIUzI1NiJ9|eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9|eyJlbmMiOiJBIn0"
        "|eyJhbGciOiAiYSJ9|eyJ4Ijo|IiJ9|fQ|.|.|.|a|_|-| |é|e"
    ),
    "keys": (
        f"AKIA|ASIA|A3T|AIza|GOCSPX-|ya29.|{'A' * 16}|{'B2' * 8}|Z|{'b' * 35}|{'c' * 28}|d|-|_|.|é"
        "| |9|A|G"
    ),
    "more keys": (
        f"abc8Q~|Q~|8Q~|~|{'d' * 31}|{'d' * 34}|.|-|_|a|?sig=|&sig=|sig=|%3D|%|=|{'f' * 43}"
        f"|{'f' * 70}|é| "
    ),
    "social security": (
        "078|05|1120|000|666|12|123|1234|078-05-1120|078 05 1120|-|-|-| | |.|.|ssn|SSN:|ss#|ss #"
        "|social security|soc. sec|x|é|\n|_|1"
    ),
    "masked": (
        f"{TOKENS}|[EMAIL]|[A|]|[|_|a|@x.com|.org|078-05-1120|10.0.0.1| |-|x|A|xn--a|9|@a.b.cd1"
    ),
    "look-alikes": (
        "４|１１１１| |\u00a0|\u200b|\u00ad|＠|a|b|．|com|é|中|٤|١|\u2011|-|078|05|1120|🎉|ж|ß"  # noqa: RUF001
        "|a@b.de|4111|\u3000|，|。|0|+49|２|𝟜"  # noqa: RUF001
    ),
    "prose": "the |call |is |at |phone |12 |10:30:00 |A3 |e.g. |card |ssn |www |x@|IBAN |J. |"
    + "|".join(EXAMPLES),
    "bytes": "0|1|4|a|b|e|f|x|A|B|E|X|@|.|:|-|_| |+|(|)|/|'|\"|=|,|~|?|&|%|[|]|\n|\t|é|中|w|J|G|#",
}

# One of each, in this order.
SHAPES = {
    "labelled phones": (
        EDGE,
        (
            "phone|phones|telephone|tel|Mobile|cell|cellphone|FAX|call|contact|reach|dial|ring"
            "|answering|hotline|landline|whatsapp|sms|telefon|handy|mobil|téléphone|teelephone"
            "|te\u0301le\u0301phone|teeeelephone|teléfono|telefoon|fono|lephone"
        ),
        *["|| |number| no|nr|num|me at| us at|me on|is| at|on|:|#|=|.|n"] * 3,
        *["||| |'|\""] * 4,
        "|||+|(|(+",
        *[GROUP, GAP] * 5,
        "|| x12| ext. 4|, extension:77|x|a| é",
    ),
    "phones and words": (
        "||x|+|(|1 |é",
        *[GROUP, GAP] * 5,
        GROUP,
        *["|| |,|-"] * 4,
        "office|Mobile|cell|fax|home|WORK|phone|direct|workshop|cells",
        END,
    ),
    "international phones": (
        f"{EDGE}|1 |9 ",
        "+|00|+00|+1|++",
        GROUP,
        GAP,
        "|(0)|(030) |(12345)|(123456)|( ",
        *[GROUP, "||| |-|.|/|  | (1) |(22)|(12345)|( "] * 6,
        "|| x12| ext 4|e|1|é",
    ),
    "American phones": (
        f"{EDGE}|+|(|9",
        "||1|+1|11|0",
        "|| |-|  |/ |   ",
        "(212)|212|(012)|912|(21)|2123",
        GAP,
        "555|55|5555",
        "-|-|.| |/|",
        "0100|0100|010|01000",
        "|| x12| ext 4|x|1|é|-|_",
    ),
    "national phones": (
        f"{EDGE}|/|1 |0171 123456 |0044 20 12345678 ",
        "0",
        DIGITS,
        f"|{DIGITS}",
        f"||{DIGITS}|171|1234",
        "-| |/|.",
        *["05|12|31|45|1|011|123|1234|12345|1234567", "-| |.||/"] * 2,
        "20|1999|2020|2120|99|199|12",
        END,
    ),
    "labelled accounts": (
        "||x| |_",
        "iban|IBAN|Iban",
        *["|| |:|-|é|\n|_|."] * 4,
        "DE|GB|ZZ|de|D",
        "12|12|1|1 2",
        *["||| |-|  ", "ABC|AB01|1234|0Z9|AB|ABC12"] * 6,
        "|| 00|-1|Z|_| 0_",
        "||é|a|.| iban DE12 ABCD 1234 5678",
    ),
    "accounts in text": (
        f"{EDGE}|AB12 |DE12|GB29 NWBK ",
        *("DE|GB| DE", "89| 89|29|8 9", "|-| "),
        "370400440532013000|3704 0044 0532 0130 00|3704-0044-0532-0130-00|NWBK60161331926819",
        f"{END}| abc| DE89370400440532013000",
    ),
    "assigned secrets": (
        "||x|é",
        "aws|AWS||",
        "|_|-|_-|-_",
        "secret|Secret|sk|",
        "|_|-|_-",
        "access||",
        "|_|_-|-|-_-",
        "key|KEY|",
        "|'|\"| |  |    ",
        ":|=|:=|=>|,|==|",
        "|| |\t\n|   |    ",
        "||'|\"",
        SECRET,
        "||=|==|é|/|+|aws_sk=" + "q" * 40,
    ),
    "Azure keys": (
        "||x|é",
        (
            "AccountKey|SharedAccessKey|azure_storage_account_key|azurestoragekey|azure_storagekey"
            "|storage_key|azure_storage__key|azure_storage_account__key"
        ),
        "|'|\"| |    ",
        ":|=|:=|=>|,|==|",
        "|| |\t\n|    ",
        "||'|\"",
        f"{SECRET}|{'q' * 43}|{'q' * 86}",
        "|=|==|é|=AccountKey=" + "q" * 43 + "=",
    ),
    "labelled cards": (
        (
            "||card |VISA: |my pan is |pan|ccn=|cc é |Kreditkarte nr. |spank |amex\n|tarjeta 1 "
            f"|card{'-' * 20}|card{'.' * 21}"
        ),
        "||1 |1.|12-|x|é|_",
        f"{CARDS}|4111111111111112|3782 822463 10006|411111111111-1111",
        f"{END}| 4111111111111111|.5| 12",
    ),
    "labelled social security": (
        (
            "|||ssn|SSN: |ss# |ss #|social security|Social_Security no |social-security|socsec"
            "|soc. sec |soc sec|soc.sec|bossn |ssn_|ssn\n|password "
            f"|ssn{' ' * 24}|ssn{' ' * 25}"
        ),
        "||1-|1 |1.|x|é|-| ",
        "078|666|000|900|12|1234",
        *("-| |.|", "05|05|00|5|055", "-| |.|", "1120|0000|112|11200"),
        f"{END}|-1| 1|.1| 05 1120",
    ),
    "IPv6": (
        "||x|g |é|1.2.3.4|::",
        *["1|ab|ffff|fe80||12345", ":|:|:|::"] * 5,
        "1|a||",
        "||::|%eth0|%|%é|:| x|%a:b:c|.1|/64|z|.0.0.1|192.168.1.1|:10.0.0.256|1.2.3.4%eth0|01.2.3.4",
    ),
}


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - what fails has to be drawn again


def rows(family, count=ROWS):
    """Return texts of a family, the same each time."""
    draw = seeded(family)
    if family == "mutated":
        return [mutated(draw, draw.choice(EXAMPLES)) for _ in range(count)]
    if family == "scripts":
        return [of_scripts(draw) for _ in range(count)]
    if family in SOUPS:
        pieces = SOUPS[family].split("|")
        return ["".join(draw.choices(pieces, k=draw.choice([2, 5, 12, 40]))) for _ in range(count)]
    slots = [slot.split("|") for slot in SHAPES[family]]
    return ["".join(draw.choice(slot) for slot in slots) for _ in range(count)]


def mutated(draw, text):
    letters = list(text)
    pieces = SOUPS["bytes"].split("|")
    for _ in range(draw.randrange(4)):
        place = draw.randrange(len(letters))
        letters[place] = draw.choice(
            ["", draw.choice(pieces), letters[place] + draw.choice(pieces)]
        )
    return draw.choice(["", "", "é ", "a: "]) + "".join(letters) + draw.choice(["", " ", ". x"])


def of_scripts(draw):
    first = draw.choice([0x20, 0x80, 0x370, 0x600, 0x900, 0x2000, 0x2E70, 0x4E00, 0xFF00, 0x1D7C0])
    return "".join(
        draw.choice([chr(first + draw.randrange(0x60)), draw.choice("0123456789 .-@a4:")])
        for _ in range(draw.randrange(30))
    )


def told(spans, *, in_order=False):
    found = list(
        zip(
            spans.rows.tolist(),
            spans.starts.tolist(),
            spans.ends.tolist(),
            [spans.names[entity] for entity in spans.entities.tolist()],
            spans.scores.tolist(),
            strict=True,
        )
    )
    return found if in_order else sorted(found)


def check(column):
    """Compare the two, before and after overlaps are settled."""
    expected = [detector.detect(column) for detector in DETECTORS]
    found = scanner.scan(column, native=native, is_merged=False)
    merged = scanner.scan(column, native=native, is_merged=True)

    assert told(found) == sorted(one for spans in expected for one in told(spans))
    assert told(merged, in_order=True) == told(resolve(expected), in_order=True)
    return len(found)


@needs_native
@pytest.mark.parametrize("family", [*SOUPS, *SHAPES, "mutated", "scripts"])
def test_it_finds_what_the_expressions_find(family):
    assert check(pa.array(rows(family), pa.string())) > 0


@needs_native
def test_rows_that_were_cut_out_of_one_text_stay_apart():
    draw = seeded(1)
    texts = []
    for example in EXAMPLES * 20:
        place = draw.randrange(len(example) + 1)
        texts += [example[:place], example[place:], draw.choice(["", "1", "a", "."])]

    assert check(pa.array(texts, pa.string())) > 0


@needs_native
def test_slices_and_nulls_are_scanned_as_what_they_are():
    texts = [draw if index % 5 else None for index, draw in enumerate(rows("prose", 500))]
    column = pa.array(texts, pa.string())
    hidden = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x02"), *pa.array(["a@b.example", "c@d.example"]).buffers()[1:]],
    )

    for part in (column, column.slice(7), column.slice(3, 100), column.slice(500), hidden):
        check(part)
    assert told(scanner.find(hidden, COMPILED))[0][0] == 1


@needs_native
@pytest.mark.parametrize("family", ["digits", "hexadecimal", "addresses", "links", "look-alikes"])
def test_a_huge_row_is_one_row(family):
    row = "".join(rows(family))

    assert check(pa.array(["", row, "", row[:1000]], pa.string())) > 0


@needs_native
def test_blocks_and_rows_need_not_begin_together():
    for size in range(130):
        check(pa.array(["x" * size, "10.0.0.1", "y" * size + " 078-05-1120", "1"], pa.string()))


@needs_native
def test_nothing_is_found_in_nothing():
    for texts in ([], [""], [None], ["", "", ""]):
        assert check(pa.array(texts, pa.string())) == 0


@needs_native
def test_buffers_of_the_wrong_size_are_refused():
    offsets, data = np.array([0, 1]), np.zeros(1, np.uint8)
    scores = np.zeros(len(scanner._together().rules), np.float32)

    for arguments in (
        (offsets + 1, data, characters(), scores),
        (offsets, data, characters()[:-1], scores),
        (offsets, data, characters(), scores[:-1]),
    ):
        with pytest.raises(ValueError, match=r"buffer|offsets"):
            native.scan(*arguments, True)
    for place in (0, 1):
        ends = np.array([2, 1][place : place + 1])
        with pytest.raises(ValueError, match="leaves its row"):
            native.unfold(offsets, data, characters(), np.array([place]), np.array([0]), ends)


def test_plugins_find_their_own_beside_the_built_in_detectors(monkeypatch):
    rule = PatternRule(entity="URL", pattern="b@[a-z.]+ x", score=0.99, trigger="b@")
    detectors = [*COMPILED, PatternDetector("a_plugin", [rule])]
    column = pa.array(["a.b@c.example x", "10.0.0.1 b@c x"], pa.string())
    wanted = [
        (0, 0, 15, "URL", pytest.approx(0.99)),
        (1, 0, 8, "IP_ADDRESS", pytest.approx(0.9)),
        (1, 9, 14, "URL", pytest.approx(0.99)),
    ]

    assert told(scanner.find(column, detectors)) == wanted
    monkeypatch.setattr(scanner, "native", None)
    assert told(scanner.find(column, detectors)) == wanted


def test_without_some_built_in_detector_the_others_are_asked_one_by_one():
    column = pa.array(["10.0.0.1 a@b.example"], pa.string())
    detectors = [detector for detector in COMPILED if detector.name != "email"]

    assert [name for *_, name, _ in told(scanner.find(column, detectors))] == ["IP_ADDRESS"]


@pytest.mark.parametrize("family", ["prose", "masked", "digits", "look-alikes"])
def test_searching_for_all_at_once_finds_what_each_detector_finds(family, monkeypatch):
    monkeypatch.setattr(scanner, "native", None)
    column = pa.array(rows(family), pa.string())
    expected = resolve([detector.detect(column) for detector in DETECTORS])

    assert told(scanner.find(column, COMPILED)) == told(expected)


@needs_native
@pytest.mark.parametrize("family", ["look-alikes", "scripts", "addresses", "digits"])
def test_folding_is_the_same_with_and_without_the_kernels(family, monkeypatch):
    texts = [text if index % 7 else None for index, text in enumerate(rows(family))]
    column = pa.array(texts, pa.string()).slice(3)
    folded = fold(column)
    sizes = [
        (row, len(text.as_py().encode())) for row, text in enumerate(folded.column) if text.as_py()
    ]
    draw = seeded(family)
    spans = [(row, *sorted(draw.sample(range(size + 1), 2))) for row, size in sizes for _ in "12"]
    draw.shuffle(spans)
    moved = np.array(spans, np.int64).T.copy()
    folded.restore(*moved)
    monkeypatch.setattr(_folding, "native", None)
    twin = fold(column)
    expected = np.array(spans, np.int64).T.copy()
    twin.restore(*expected)

    assert folded.column.equals(twin.column)
    assert folded.odd.tolist() == twin.odd.tolist()
    assert moved.tolist() == expected.tolist()


def test_resolving_follows_chains_of_overlaps_within_a_row():
    draw = seeded(5)
    count = 3000
    starts = np.array([draw.randrange(2000) for _ in range(count)])
    found = Spans(
        rows=np.array([draw.randrange(40) for _ in range(count)]),
        starts=starts,
        ends=starts + np.array([draw.choice([1, 3, 9, 400]) for _ in range(count)]),
        entities=np.zeros(count, np.int32),
        scores=np.full(count, 0.5, np.float32),
        names=("A",),
    )
    merged = resolve([found])
    covered = {(row, place) for row, start, end, *_ in told(found) for place in range(start, end)}

    assert all(
        one[0] < other[0] or one[2] <= other[1]
        for one, other in pairwise(told(merged, in_order=True))
    )
    assert {
        (row, place) for row, start, end, *_ in told(merged) for place in range(start, end)
    } == covered
