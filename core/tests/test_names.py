"""The detector of names in free text, its model, and the policy that chooses how it works."""

import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskline._detectors.names import NamesDetector, _finding
from maskline._detectors.names._model import load, unpack
from maskline._detectors.names._tokens import cut, hash_of
from maskline._kernels import native, rows_of
from maskline.errors import PolicyError
from maskline.model import Label
from maskline.plugins import load_policy
from maskline.policy import policy_schema
from maskline.testing import MemoryContext, check_detector

DATA = Path(__file__).parents[3] / "shared" / "data" / "detection"
BALANCED, RECALL = NamesDetector(), NamesDetector(is_balanced=False)

NOBODY = [
    "The parcel was sent on Monday and should arrive by Friday.",
    "Please restart the service after you have changed the settings.",
    "Error 1042: the request took longer than 30 seconds.",
    "You may copy and change the program if you pass on the same rights.",
    "Our garden needs water: roses, lilies and a rosemary bush.",
    "Open the Account Settings, choose Privacy and click on Save.",
    "My card has expired, could you send me a new one, please?",
    "Balance due: 120.50 EUR, payable within 14 days.",
    "It rained all night and the train was late again.",
    "In April and May we are closed on Sundays.",
    "Total Amount | Due Date | Order Number",
    "A king and a queen met a bishop on the hill.",
]
PIECES = [
    *("Anna Smith", "Dr. Müller", "in Berlin", "at Siemens AG", "the French", "12 Oak Street"),
    *(
        "\n",
        " ",
        ".",
        ", ",
        "é",
        "e\u0301",
        "日本",
        "\u200b",
        "\uff21nna",
        "x9",
        "_",
        "HELLO",
        "from",
    ),
]


def found(text, *, detector=BALANCED):
    """Return what is found in a text, and as what."""
    spans = detector.detect(pa.array([text], pa.string()))
    return {
        (spans.names[entity], text.encode()[start:end].decode())
        for start, end, entity in zip(spans.starts, spans.ends, spans.entities, strict=True)
    }


def both(texts, *, doubt=0, is_gated=True):
    """Return what the compiled kernel finds, and its twin."""
    offsets, data = rows_of(pa.array(texts, pa.string()))
    with pytest.MonkeyPatch.context() as patch:
        one = _finding.find(offsets, data, load(), doubt=doubt, is_gated=is_gated)
        patch.setattr(_finding, "native", None)
        other = _finding.find(offsets, data, load(), doubt=doubt, is_gated=is_gated)
    names = ("starts", "ends", "labels", "margins", "signs")
    return tuple([getattr(side, name).tolist() for name in names] for side in (one, other))


@pytest.mark.parametrize("detector", [BALANCED, RECALL])
def test_it_keeps_the_contract_of_detectors(detector):
    check_detector(detector, examples=["I met Anna Schmidt in Berlin."])


@pytest.mark.parametrize(
    ("text", "entity", "name"),
    [
        ("Hello, my name is Priya Natarajan and I have a question.", "PERSON", "Priya Natarajan"),
        ("Kind regards,\nTomás Herrera", "PERSON", "Tomás Herrera"),
        ("Patient Ingrid Halvorsen was admitted on Tuesday.", "PERSON", "Ingrid Halvorsen"),
        ("Please ask Wojciech to call me back.", "PERSON", "Wojciech"),
        ("my name is maria gonzalez", "PERSON", "maria gonzalez"),
        ("She moved from Lisbon to Nairobi last year.", "LOCATION", "Nairobi"),
        ("We will fly to Denmark in June.", "LOCATION", "Denmark"),
        ("I have worked for Halvorsen Logistics Ltd since 2019.", "ORGANIZATION", None),
        ("He is Norwegian, his wife is Jewish.", "NRP", "Norwegian"),
        ("He is Norwegian, his wife is Jewish.", "NRP", "Jewish"),
        ("Sehr geehrte Frau Brandstätter, Ihre Bestellung ist da.", "PERSON", "Brandstätter"),
        ("Je m'appelle Élodie Marchand.", "PERSON", "Élodie Marchand"),
    ],
)
def test_it_finds_names(text, entity, name):
    names = {stretch for kind, stretch in found(text) if kind == entity}

    assert name in names if name else names


@pytest.mark.parametrize("text", NOBODY)
def test_prose_in_which_nobody_is_named_stays_as_it_is(text):
    assert found(text) == set()


@pytest.mark.parametrize("cell", ["Shipped", "Berlin", "Rock", "Smith", "In Progress", "", "42"])
def test_short_cells_are_not_torn_apart(cell):
    assert found(cell) == set()


def test_recall_finds_what_balanced_leaves():
    text = "tell qwxzela that brovnik is closed"

    assert found(text) == set()
    assert len(found(text, detector=RECALL)) > 0


def test_it_sees_through_look_alikes_and_invisible_characters():
    assert ("PERSON", "\uff21nna Sch\u200bmidt") in found(
        "Dear \uff21nna Sch\u200bmidt, thank you."
    )


def test_names_end_with_their_line():
    names = {name for _, name in found("Anna Schmidt\nOlga Petrova\nJohn Carter")}

    assert {"Anna Schmidt", "Olga Petrova", "John Carter"} == names


def test_what_is_masked_already_is_not_found_again():
    token = MemoryContext(Label(entity="PERSON")).tokenizer("PERSON")
    masked = token.text(pa.array(["Anna Schmidt"], pa.string()))[0].as_py()

    for detector in (BALANCED, RECALL):
        names = found(f"Dear {masked}, I met Olga Petrova and [PERSON].", detector=detector)
        assert ("PERSON", "Olga Petrova") in names
        assert not any("person_" in name or "[" in name or name == "PERSON" for _, name in names)


def test_nulls_and_slices_are_counted_right():
    text = "I met Anna Schmidt."
    column = pa.array(["", None, text, text], pa.string()).slice(1)

    spans = BALANCED.detect(column)

    assert spans.rows.tolist() == [1, 2]
    assert spans.starts.tolist() == [6, 6]


def test_codes_are_no_names_of_people_or_places():
    kinds = {kind for kind, _ in found("From iban gb29nwbk60161331926819, to Anna9x Smith8y")}

    assert not kinds & {"PERSON", "LOCATION"}


def test_scores_are_probabilities_below_those_of_checked_patterns():
    spans = BALANCED.detect(pa.array(["Dear Anna Schmidt, greetings from Berlin"], pa.string()))

    assert (spans.scores > 0.5).all()
    assert (spans.scores < 0.9).all()


# ---- tokens, the twins, the model ----------------------------------------------------------------


def test_a_word_is_known_without_case_and_accents():
    assert hash_of("Müller") == hash_of("MULLER") == hash_of("mu\u0308ller")
    assert hash_of("Müller") != hash_of("Miller")


def test_tokens_are_words_signs_and_line_ends():
    data = "O'Brien, 2nd\r\n\n日x".encode()

    tokens = cut(np.array([0, len(data)]), np.frombuffer(data, np.uint8))

    pieces = [data[a:b].decode() for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    assert pieces == ["O", "'", "Brien", ",", "2nd", "\r\n\n", "日", "x"]


@pytest.mark.skipif(native is None, reason="there is only one of the two")
@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=5)).map(" ".join), max_size=4),
    st.booleans(),
)
def test_the_compiled_kernel_finds_what_its_twin_finds(texts, is_gated):
    one, other = both(texts, doubt=0 if is_gated else 60, is_gated=is_gated)

    assert one == other


@pytest.mark.skipif(native is None, reason="there is only one of the two")
def test_the_twins_agree_on_long_rows():
    texts = ["Anna Schmidt lives in Berlin, " * 5000, "x" * 200_000, "é" * 100_000, *NOBODY]

    one, other = both(texts)

    assert one == other
    assert len(one[0]) > 5000


@pytest.mark.skipif(native is None, reason="the twin reads any buffer")
def test_the_compiled_kernel_refuses_what_does_not_fit():
    model, letters = load(), _finding.letters()
    good = [
        np.array([0, 2]),
        b"ab",
        letters,
        model.keys,
        model.flags,
        model.templates,
        model.weights,
        model.transitions,
    ]
    native.names(*good, 0, True)
    for place in range(2, len(good)):
        broken = [*good]
        broken[place] = good[place][:-1]
        if place == 5:
            broken[place] = np.full_like(model.templates, 99)
        with pytest.raises(ValueError, match=r"size|unsound"):
            native.names(*broken, 0, True)
    with pytest.raises(ValueError, match="offsets"):
        native.names(np.array([0, 3]), *good[1:], 0, True)


def test_the_time_grows_with_the_text_and_not_with_its_content():
    def seconds(size):
        column = pa.array(["I met Anna Schmidt in Berlin. " * (size // 30)], pa.string())
        best = []
        for _ in range(3):
            begin = time.process_time()
            BALANCED.detect(column)
            best.append(time.process_time() - begin)
        return min(best)

    seconds(1000)
    assert seconds(2_000_000) < 20 * seconds(200_000)


def test_a_damaged_model_is_refused():
    header = json.dumps({"version": 1, "sha256": "0" * 64}).encode()

    with pytest.raises(ValueError, match="install maskline again"):
        unpack(header + b"\nabc")


# ---- the policy ----------------------------------------------------------------------------------


def policy(tmp_path, text):
    path = tmp_path / "maskline.yaml"
    path.write_text(f"version: 1\n{text}")
    return path


@pytest.mark.parametrize(
    ("section", "points"),
    [
        ("", ["NamesDetector(is_balanced=True)"]),
        ("detection:\n", ["NamesDetector(is_balanced=True)"]),
        ("detection: {names: balanced}", ["NamesDetector(is_balanced=True)"]),
        ("detection: {names: recall}", ["NamesDetector(is_balanced=False)"]),
        ("detection: {names: off}", []),
    ],
)
def test_a_policy_chooses_how_names_are_found(tmp_path, section, points):
    _, registry = load_policy(policy(tmp_path, section))

    assert [repr(one) for one in registry.detectors if one.name == "names"] == points
    assert [one.name for one in registry.detectors] == sorted(
        one.name for one in registry.detectors
    )


def test_a_policy_that_wants_another_point_is_refused(tmp_path):
    with pytest.raises(PolicyError) as caught:
        load_policy(policy(tmp_path, "detection: {names: everything, other: 1}"))

    assert [problem.where for problem in caught.value.problems] == [
        "detection.names",
        "detection.other",
    ]


def test_the_schema_knows_the_section(tmp_path):
    _, registry = load_policy(policy(tmp_path, ""))

    section = policy_schema(registry)["properties"]["detection"]

    assert section["properties"]["names"]["enum"] == ["balanced", "recall", "off"]


# ---- labelled texts ------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled texts are not part of the repository")
@pytest.mark.parametrize(("entity", "recall"), [("PERSON", 0.8), ("LOCATION", 0.7)])
def test_recall_on_labelled_texts_does_not_fall(entity, recall):
    lines = (DATA / "pr_generated_large.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    spans = BALANCED.detect(pa.array([row["text"] for row in rows], pa.string()))
    hits: dict[int, list[tuple[int, int]]] = {}
    for row, start, end, kind in zip(
        spans.rows.tolist(), spans.starts, spans.ends, spans.entities, strict=True
    ):
        if spans.names[kind] == entity:
            hits.setdefault(row, []).append((start, end))

    wanted = met = 0
    for number, row in enumerate(rows):
        for start, end, kind in row["spans"]:
            if kind == entity:
                low, high = (len(row["text"][:place].encode()) for place in (start, end))
                wanted += 1
                met += any(a < high and low < b for a, b in hits.get(number, []))
    assert met / wanted >= recall
