"""The built-in detectors, the helper they are made with, and the merging of what they find."""

import base64
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._detectors import BUILTIN, scanner
from maskline._detectors.checks import (
    is_card_number,
    is_iban,
    is_ipv6,
    is_jwt,
    is_luhn_valid,
    is_ssn,
)
from maskline._detectors.resolution import resolve
from maskline._folding import fold
from maskline.entities import builtin_entities
from maskline.model import Label, Spans
from maskline.patterns import PatternDetector, PatternRule, whole
from maskline.roles import Detector
from maskline.testing import MemoryContext, check_detector

DATA = Path(__file__).parents[3] / "shared" / "data" / "detection"
HEADER = base64.urlsafe_b64encode(json.dumps({"alg": "HS256"}).encode()).decode().rstrip("=")


def find(*texts, detectors=BUILTIN):
    """Return (row, entity, the stretch itself) of what is found, either way."""
    column = pa.array(texts, pa.string())
    apart = told_by(texts, resolve([detector.detect(column) for detector in detectors]))

    assert told_by(texts, scanner.find(column, detectors)) == apart
    return apart


def told_by(texts, spans):
    return [
        (row, spans.names[entity], texts[row].encode()[start:end].decode())
        for row, start, end, entity in zip(
            spans.rows.tolist(),
            spans.starts.tolist(),
            spans.ends.tolist(),
            spans.entities.tolist(),
            strict=True,
        )
    ]


def token(domain="EMAIL_ADDRESS", *, keep=""):
    """Return a real token, perhaps one of an address whose domain is kept."""
    tokenizer = MemoryContext(Label(entity=domain)).tokenizer(domain)
    value = pa.array([f"ada{keep}"], pa.string())
    return (tokenizer.email(value) if keep else tokenizer.text(value))[0].as_py()


@pytest.mark.parametrize("detector", BUILTIN, ids=lambda detector: detector.name)
def test_every_built_in_detector_keeps_the_contract(detector):
    assert isinstance(detector, Detector)
    assert set(detector.entities) <= builtin_entities().keys()
    check_detector(detector)


def test_names_of_detectors_are_unique():
    assert len({detector.name for detector in BUILTIN}) == len(BUILTIN)


@pytest.mark.parametrize(
    ("text", "entity", "stretch"),
    [
        ("write to jane.o'neil+x@a.example.co.", "EMAIL_ADDRESS", "jane.o'neil+x@a.example.co"),
        ("an müller@straße.example ist es", "EMAIL_ADDRESS", "müller@straße.example"),
        ("信箱\uff1aa@b.example\uff0c謝謝", "EMAIL_ADDRESS", "a@b.example"),
        ("email=a@b.example&x=1", "EMAIL_ADDRESS", "a@b.example"),
        ("ring +49 (0)30 1234567 now", "PHONE_NUMBER", "+49 (0)30 1234567"),
        ("ring (212) 555-0100 x12 now", "PHONE_NUMBER", "(212) 555-0100 x12"),
        ("ring 1-212-555-0100.", "PHONE_NUMBER", "1-212-555-0100"),
        ("fax: 2125550100", "PHONE_NUMBER", "2125550100"),
        ("089 72 63 41 22", "PHONE_NUMBER", "089 72 63 41 22"),
        ("91 55 12 34 office", "PHONE_NUMBER", "91 55 12 34"),
        ("(96) 627-277", "PHONE_NUMBER", "(96) 627-277"),
        ("see https://example.com/a(b)?c=d).", "URL", "https://example.com/a(b)?c=d"),
        ("see https://example.com/[a].", "URL", "https://example.com/[a]"),
        ("see (www.example.com)", "URL", "www.example.com"),
        ("card 4111-1111-1111-1111!", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("9 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("378282246310005", "CREDIT_CARD", "378282246310005"),
        ("4000 0000 0000 0000 006", "CREDIT_CARD", "4000 0000 0000 0000 006"),
        ("card number 4111 1111 1111 1112", "CREDIT_CARD", "4111 1111 1111 1112"),
        ("pay DE89 3704 0044 0532 0130 00 today", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("iban gb29nwbk60161331926819", "IBAN_CODE", "gb29nwbk60161331926819"),
        ("IBAN: DE00 3704 0044 0532 0130 00", "IBAN_CODE", "DE00 3704 0044 0532 0130 00"),
        ("ssn 078-05-1120.", "US_SSN", "078-05-1120"),
        ("it is 078 05 1120", "US_SSN", "078 05 1120"),
        ("it is 078.05.1120", "US_SSN", "078.05.1120"),
        ("social security number: 078051120", "US_SSN", "078051120"),
        ("from 192.168.0.1:80", "IP_ADDRESS", "192.168.0.1"),
        ("from fe80::1%eth0 on", "IP_ADDRESS", "fe80::1%eth0"),
        ("at 2001:db8::1: yes", "IP_ADDRESS", "2001:db8::1"),
        ("mac 00:1A:2b:3C:4d:5E", "MAC_ADDRESS", "00:1A:2b:3C:4d:5E"),
        ("mac 001A.2b3C.4d5E", "MAC_ADDRESS", "001A.2b3C.4d5E"),
        (f"Bearer {HEADER}.e30.c2ln", "JWT", f"{HEADER}.e30.c2ln"),
        ("id AKIAIOSFODNN7ABCDEFG", "AWS_ACCESS_KEY", "AKIAIOSFODNN7ABCDEFG"),
        ("aws_secret_access_key = " + "aB3/" * 10, "AWS_SECRET_KEY", "aB3/" * 10),
        ("key AIza" + "b" * 35, "GCP_API_KEY", "AIza" + "b" * 35),
        ("GOCSPX-" + "b" * 28, "GCP_API_KEY", "GOCSPX-" + "b" * 28),
        ("AccountKey=" + "c" * 86 + "==;", "AZURE_KEY", "c" * 86 + "=="),
        ("abc8Q~" + "d" * 34, "AZURE_KEY", "abc8Q~" + "d" * 34),
    ],
)  # fmt: skip
def test_it_finds_the_whole_stretch_and_nothing_more(text, entity, stretch):
    assert find(text) == [(0, entity, stretch)]
    assert find(f"é {text}") == [(0, entity, stretch)]


@pytest.mark.parametrize(
    "text",
    [
        "a@b",
        "@example.com",
        "4111111111111112",
        "94111111111111111",
        "1111 1111 1111 1111",
        "26.822619623699016",
        "DE88 3704 1144 1532 1130 11",
        "ZZ89 3704 1144 1532 1130 11",
        "000-12-3456",
        "666-12-3456",
        "123-00-4567",
        "123-45-0000",
        "1-123-45-6789",
        "123-45-6789-1",
        "x123-45-6789",
        "123-45-6789é",
        "123456789",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "std::vector",
        "31.02.2023",
        "00:11:22:33:44",
        "eyJhbGciOi.notbase64.x",
        "eyJub3QiOiJqd3QifQ.e30.x",
        "xAKIAIOSFODNN7ABCDEFG",
        "http://",
        "www.",
        "+1",
        "",
    ],
)
def test_what_only_looks_alike_is_left_alone(text):
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("a４１１１ １１１１ １１１１ １１１１", None),  # noqa: RUF001
        ("n ４１１１ １１１１ １１１１ １１１１ x", "４１１１ １１１１ １１１１ １１１１"),  # noqa: RUF001
        ("é 078\u201105\u20111120 é", "078\u201105\u20111120"),
        ("to ja\u200bne@exam\u00adple.com!", "ja\u200bne@exam\u00adple.com"),
        ("to jane＠example．com!", "jane＠example．com"),  # noqa: RUF001
        ("4111\u00a01111\u00a01111\u00a01111", "4111\u00a01111\u00a01111\u00a01111"),
        ("٤١١١١١١١١١١١١١١١", "٤١١١١١١١١١١١١١١١"),
    ],
)
def test_it_sees_through_look_alikes_and_invisible_characters(text, stretch):
    found = [part for _, _, part in find("plain", text, "plain")]

    assert found == ([] if stretch is None else [stretch])


def test_rows_never_run_into_each_other():
    texts = ["4111 1111", "1111 1111", "a@", "b.example", "078-05-", "1120", "password:", "x"]

    assert find(*texts) == []


def test_a_match_across_rows_hides_nothing_in_them():
    greedy = PatternRule(entity="URL", pattern=r"<[^>]*>|[0-9]{4}", score=0.5, trigger=r"<|[0-9]")
    detector = PatternDetector("greedy", [greedy])

    assert find("< 1234", "5678 >", "<a>", "9012", detectors=[detector]) == [
        (0, "URL", "1234"),
        (1, "URL", "5678"),
        (2, "URL", "<a>"),
        (3, "URL", "9012"),
    ]


def test_nulls_and_empty_columns_have_no_findings():
    for column in (pa.array([None, "a@b.example", None], pa.string()), pa.array([], pa.string())):
        spans = resolve([detector.detect(column) for detector in BUILTIN])

        assert spans.rows.tolist() == ([1] if len(column) else [])


def test_many_rows_are_searched_in_many_chunks():
    texts = [f"{'x' * 1000} a{row}@b.example" for row in range(1000)]

    assert find(*texts) == [
        (row, "EMAIL_ADDRESS", f"a{row}@b.example") for row in range(len(texts))
    ]


def test_what_is_masked_already_is_not_found_again():
    address = token(keep="@mail.example.com")
    texts = [
        token(),
        address,
        f"to {token('US_SSN')} and {address}, bye",
        "[EMAIL_ADDRESS] [REDACTED] [US_SSN]",
    ]

    assert address.endswith("@mail.example.com")
    assert find(*texts) == []


def test_a_token_hides_nothing_beside_it():
    text = f"{token()} 078-05-1120 {token('PERSON')}"

    assert find(text) == [(0, "US_SSN", "078-05-1120")]


def test_what_has_the_shape_of_a_token_but_not_its_check_is_found():
    real = token()
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")

    assert find(f"{forged}@example.com") == [(0, "EMAIL_ADDRESS", f"{forged}@example.com")]


LINE = "Dear Jane, your card 4111 1111 1111 1111, mail a.b@example.com, tel. +49 30 1234567. "


@pytest.mark.parametrize(
    "unit",
    [
        LINE, "a@", "a.", "1-", "1 ", "1.", "x@y.zz.", "eyJ", "eyJ.", "://a:", "DE89 ", "AB12",
        "00", "(", "+1 ", "0::", "a:", "<", "é", "\uff14", "www.", "card ", "phone ", "ssn ",
        "http://", ")", "=", "?x=", "[A", "a_",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_the_time_grows_with_the_text_and_not_with_its_content(unit):
    def seconds(size):
        text = unit * (size // len(unit))
        column = pa.array([text, f"http://a{text}"], pa.string())
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            for detector in BUILTIN:
                detector.detect(column)
            best = min(best, time.process_time() - start)
        return best

    small, large = seconds(20_000), seconds(200_000)

    # Ten times the text; a quadratic search would take a hundred times as long.
    assert large < 30 * small + 0.2


def spans(*rows, names=("A", "B", "C")):
    """Make spans of (row, start, end, name, score)."""
    return Spans(
        rows=np.array([row[0] for row in rows], np.int64),
        starts=np.array([row[1] for row in rows], np.int64),
        ends=np.array([row[2] for row in rows], np.int64),
        entities=np.array([names.index(row[3]) for row in rows], np.int32),
        scores=np.array([row[4] for row in rows], np.float32),
        names=names,
    )


def told(merged):
    return [
        (row, start, end, merged.names[entity])
        for row, start, end, entity in zip(
            merged.rows.tolist(),
            merged.starts.tolist(),
            merged.ends.tolist(),
            merged.entities.tolist(),
            strict=True,
        )
    ]


def test_resolving_nothing_gives_nothing():
    assert told(resolve([])) == []
    assert told(resolve([spans(), spans(names=("D",))])) == []


def test_the_higher_score_names_the_stretch():
    merged = resolve([spans((0, 0, 10, "A", 0.5)), spans((0, 2, 4, "B", 0.9))])

    assert told(merged) == [(0, 0, 10, "B")]
    assert merged.scores.tolist() == pytest.approx([0.9])


def test_of_equal_scores_the_longer_wins_and_then_the_earlier():
    assert told(resolve([spans((0, 0, 3, "A", 0.5), (0, 2, 9, "B", 0.5))])) == [(0, 0, 9, "B")]
    assert told(resolve([spans((0, 2, 5, "B", 0.5), (0, 0, 3, "A", 0.5))])) == [(0, 0, 5, "A")]


def test_no_tail_of_a_partial_overlap_is_left_uncovered():
    merged = resolve([spans((0, 0, 5, "A", 0.9), (0, 3, 9, "B", 0.5), (0, 8, 12, "C", 0.7))])

    assert told(merged) == [(0, 0, 12, "A")]


def test_neighbours_and_rows_stay_apart():
    merged = resolve([spans((1, 0, 5, "A", 0.9), (0, 0, 9, "B", 0.5)), spans((1, 5, 6, "C", 0.1))])

    assert told(merged) == [(0, 0, 9, "B"), (1, 0, 5, "A"), (1, 5, 6, "C")]


def test_detectors_with_different_names_are_merged():
    merged = resolve([spans((0, 0, 1, "X", 0.5), names=("X",)), spans((0, 4, 5, "B", 0.5))])

    assert told(merged) == [(0, 0, 1, "X"), (0, 4, 5, "B")]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 20),
            st.integers(1, 8),
            st.sampled_from("ABC"),
            st.sampled_from([0.1, 0.5, 0.9]),
        ),
        max_size=20,
    )
)
@settings(max_examples=60, deadline=None)
def test_resolving_covers_exactly_what_was_found_without_overlaps(rows):
    found = [(row, start, start + size, name, score) for row, start, size, name, score in rows]
    merged = told(resolve([spans(*found)]))
    covered = [(row, byte) for row, start, end, _ in merged for byte in range(start, end)]

    assert merged == sorted(merged)
    assert len(set(covered)) == len(covered)
    assert set(covered) == {
        (row, byte) for row, start, end, _, _ in found for byte in range(start, end)
    }


def rule(pattern, trigger="a", **options):
    return PatternRule(entity="URL", pattern=pattern, score=0.5, trigger=trigger, **options)


def test_a_rule_finds_its_first_group():
    detector = PatternDetector("d", [rule(r"ab(c+)d")])

    assert find("x abccd", detectors=[detector]) == []
    unbounded = PatternDetector("d", [rule(r"ab(c+)d", is_bounded=False)])
    assert find("x abccd", detectors=[unbounded]) == [(0, "URL", "cc")]


def test_a_group_that_took_no_part_is_no_finding():
    detector = PatternDetector("d", [rule(r"ab|a(c)", is_bounded=False)])

    assert find("ab ac", "ab", detectors=[detector]) == [(0, "URL", "c")]


def test_a_stretch_is_bounded_by_letters_of_other_alphabets_but_not_by_ideographs():
    detector = PatternDetector("d", [rule("ab")])

    assert find("éab", "abж", "中ab中", "é", "-ab-", detectors=[detector]) == [
        (2, "URL", "ab"),
        (4, "URL", "ab"),
    ]


def test_a_neighbouring_row_bounds_nothing():
    detector = PatternDetector("d", [rule("ab", trigger=r"a|\xc3")])

    assert find("é", "ab", "é", detectors=[detector]) == [(1, "URL", "ab")]


def test_a_stretch_may_not_follow_what_the_rule_forbids():
    detector = PatternDetector("d", [rule("ab", not_after=b".-")])

    assert find(".ab", "-ab", "+ab", detectors=[detector]) == [(2, "URL", "ab")]


def test_a_check_may_reject_a_match():
    detector = PatternDetector("d", [rule("ab|ac", cut=whole(lambda value: value == b"ac"))])

    assert find("ab ac", detectors=[detector]) == [(0, "URL", "ac")]


@pytest.mark.parametrize(
    "rules",
    [[], [rule("(")], [rule("é")], [rule("a", trigger="[")], [rule("(a)(b)")]],
)
def test_rules_that_cannot_run_are_refused(rules):
    with pytest.raises(ValueError, match="has no rules, or rules RE2 cannot run") as caught:
        PatternDetector("broken", rules)

    assert caught.value.__context__ is None


def test_a_detector_is_shown_by_its_name_alone():
    assert repr(PatternDetector("short", [rule("secret")])) == "PatternDetector('short')"


def test_plain_text_is_not_copied_to_be_folded():
    column = pa.array(["plain", None, "ümlaut"], pa.string())

    assert fold(column).column is column


def test_checks_tell_right_from_wrong():
    assert is_luhn_valid(b"79927398713")
    assert not is_luhn_valid(b"79927398710")
    assert is_card_number(b"5555555555554444")
    assert not is_card_number(b"9999999999999995")
    assert not is_card_number(b"42424242")
    assert is_iban(b"NO9386011117947")
    assert not is_iban(b"NO93860111179470")
    assert is_ssn(b"078051120")
    assert not is_ssn(b"07805112")
    assert not is_ipv6(b"1:2")
    assert not is_ipv6(b"abc:def")
    assert is_ipv6(b"a:b:c:d:e:f:a:b")
    assert not is_ipv6(b"1::\xe9")
    assert not is_jwt(b"bnVsbA.x.y")
    assert not is_jwt(b"eyJ\xff")


def labelled(entity, *files):
    names = {entity, "DOMAIN_NAME"} if entity == "URL" else {entity}
    for name in files:
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if {entity, "*"} & set(record["scope"]):
                yield record["text"], [span for span in record["spans"] if span[2] in names]


@pytest.mark.skipif(not DATA.exists(), reason="the labelled data is not here")
@pytest.mark.parametrize(
    ("entity", "recall", "precision"),
    [
        ("EMAIL_ADDRESS", 1.0, 0.99),
        ("IBAN_CODE", 1.0, 0.99),
        ("CREDIT_CARD", 0.99, 0.99),
        ("US_SSN", 0.94, 0.97),
        ("IP_ADDRESS", 0.92, 0.95),
        ("URL", 0.90, 0.90),
        ("PHONE_NUMBER", 0.95, 0.98),
    ],
)
def test_recall_and_precision_on_labelled_texts_do_not_fall(entity, recall, precision):
    names = ("presidio_tests.jsonl", "pr_generated_large.jsonl", "pr_generated_small.jsonl")
    records = list(labelled(entity, *names))
    found = {}
    for row, name, stretch in find(*(text for text, _ in records)):
        found.setdefault(row, []).append((name, stretch))
    wanted = [
        (row, text[start:end]) for row, (text, gold) in enumerate(records) for start, end, _ in gold
    ]
    hits = sum(
        any(
            name == entity and (part in stretch or stretch in part)
            for name, stretch in found.get(row, ())
        )
        for row, part in wanted
    )
    mine = [
        (row, stretch) for row, parts in found.items() for name, stretch in parts if name == entity
    ]
    right = sum(
        any(at == row and (part in stretch or stretch in part) for at, part in wanted)
        for row, stretch in mine
    )

    assert hits / len(wanted) >= recall
    assert right / len(mine) >= precision
