"""Tests of the identifiers: their forms, their check digits, and where they are found."""

import importlib
import time
import tomllib
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline._detectors import BUILTIN
from maskline._detectors.checks_things import luhn
from maskline._detectors.checksums import are_luhn_valid, are_verhoeff_valid
from maskline._detectors.coordinates import coordinate_detector
from maskline._detectors.identifiers import forms, likelihood
from maskline._detectors.identifying import IdentifierDetector, identify, match
from maskline._detectors.runs import LONGEST, find_runs
from maskline._detectors.stripes import track_detector
from maskline._kernels import rows_of
from maskline.entities import builtin_entities
from maskline.model import Spans
from maskline.testing import check_detector

FORMS = forms()


def named(form):
    return f"{form.entity}-{form.example}"


CHECKED = [form for form in FORMS if form.check]
CLASSES = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

WIDE = "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18Z"

# Entities that python-stdnum knows, and whether we take more (+) or less (-) than it does.
STDNUM = {
    "ABA_ROUTING_NUMBER": "us.rtn",
    "AR_CUIT": "ar.cuit +",  # more kinds of persons
    "AT_SVNR": "at.vnr -",  # the birthday
    "AU_ABN": "au.abn +",
    "AU_ACN": "au.acn",
    "AU_TFN": "au.tfn",
    "BG_EGN": "bg.egn",
    "BR_CNPJ": "br.cnpj",
    "BR_CPF": "br.cpf",
    "CA_SIN": "ca.sin",
    "CH_AHV": "ch.ssn",
    "CL_RUT": "cl.rut",
    "CN_RIC": "cn.ric +",  # provinces
    "CZ_RC": "cz.rc -",  # the birthday
    "DE_TAX_ID": "de.idnr +",  # how often digits stand in it
    "DE_VAT_ID": "de.vat",
    "DK_CPR": "dk.cpr +",  # birthdays to come
    "EE_IK": "ee.ik",
    "ES_CIF": "es.cif",
    "ES_NIE": "es.nie",
    "FI_PERSONAL_IDENTITY_CODE": "fi.hetu +",  # temporary numbers
    "FR_NIR": "fr.nir",
    "FR_SIREN": "fr.siren",
    "FR_SIRET": "fr.siret",
    "FR_VAT": "fr.tva",
    "GR_AMKA": "gr.amka +",  # birthdays to come
    "HR_OIB": "hr.oib",
    "ID_NIK": "id.nik +",  # districts
    "IE_PPS": "ie.pps",
    "IL_ID": "il.idnr",
    "IMEI": "imei",
    "IN_AADHAAR": "in_.aadhaar",
    "IN_GSTIN": "in_.gstin +",  # kinds of taxpayers
    "IT_FISCAL_CODE": "it.codicefiscale +",  # the birthday
    "IT_VAT_CODE": "it.iva",
    "LEI": "lei",
    "MX_CURP": "mx.curp",
    "MY_NRIC": "my.nric +",  # places of birth
    "NL_BSN": "nl.bsn",
    "NO_FNR": "no.fodselsnummer +",  # birthdays to come
    "PL_NIP": "pl.nip",
    "PL_PESEL": "pl.pesel",
    "PL_REGON": "pl.regon",
    "PT_NIF": "pt.nif",
    "RO_CNP": "ro.cnp +",  # counties
    "SE_ORGANISATIONSNUMMER": "se.orgnr",
    "SE_PERSONNUMMER": "se.personnummer +",  # coordination numbers
    "SG_UEN": "sg.uen +",  # kinds of entities
    "TH_TNIN": "th.pin -",  # provinces
    "TR_NATIONAL_ID": "tr.tckimlik",
    "UK_NHS": "gb.nhs",
    "UK_UTR": "gb.utr",
    "ZA_ID_NUMBER": "za.idnr",
}


def of_the_shape(example, count, seed=3):
    """Return random strings: digits for digits, letters for letters, the rest as it is."""
    random = np.random.default_rng(seed)
    columns = [
        random.choice(list(next((one for one in CLASSES if character in one), character)), count)
        for character in example
    ]
    return ["".join(row) for row in np.stack(columns, axis=1)]


def passing(form, texts):
    """Return the texts that have a form."""
    return {texts[row] for _, rows, _, _ in match(pa.array(texts), [form]) for row in rows}


def accepts(module, text):
    """Ask python-stdnum, which takes only the separators that it knows."""
    try:
        return module.is_valid(text) or module.is_valid("".join(filter(str.isalnum, text)))
    except KeyError:  # a county that its list does not have
        return False


def candidates(text, **options):
    """Return what identify() says of one value."""
    found = identify(pa.array([text]), **options)
    return [found.names[entity] for entity in found.entities]


def find(text):
    """Return what stands in running text."""
    found = IdentifierDetector().detect(pa.array([text]))
    raw = text.encode()
    return {
        (found.names[entity], raw[start:end].decode())
        for entity, start, end in zip(found.entities, found.starts, found.ends, strict=True)
    }


# ---- the forms -----------------------------------------------------------------------------------


def test_every_form_is_of_an_entity_of_the_catalogue():
    assert {form.entity for form in FORMS} <= builtin_entities().keys()


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_every_example_has_its_form(form):
    assert passing(form, [form.example]) == {form.example}


@pytest.mark.parametrize("form", [form for form in FORMS if not form.is_exact], ids=named)
def test_letters_match_in_both_cases_where_they_are_the_same(form):
    assert passing(form, [form.example.lower()]) == {form.example.lower()}


def test_chances_are_not_less_than_what_is_measured():
    count = 5_000
    wrong = [
        (form.entity, form.pattern, share)
        for form in FORMS
        for share in [len(passing(form, of_the_shape(form.example, count))) / count]
        if share > 2 * form.chance + 0.002
    ]

    assert wrong == []


def test_what_stands_in_text_without_a_label_is_rare_or_looks_like_nothing_else():
    weak = [form for form in FORMS if form.text_score and form.check and form.chance > 0.05]

    assert weak == []
    assert not any(form.text_score for form in FORMS if form.example.isdigit() and not form.check)


def test_the_data_file_has_no_key_that_nobody_reads():
    text = files("maskline").joinpath("identifiers.toml").read_text(encoding="utf-8")
    keys = {key for table in tomllib.loads(text).values() for one in table["forms"] for key in one}

    assert keys <= {"pattern", "check", "chance", "text", "exact", "example"}


def test_a_label_makes_any_form_likelier():
    assert all(
        likelihood(form, is_labelled=True) > likelihood(form, is_labelled=False) for form in FORMS
    )


# ---- check digits --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", CHECKED, ids=named)
def test_checks_agree_with_python_stdnum(form):
    if form.entity not in STDNUM:
        pytest.skip("python-stdnum does not know it, or knows less of it")
    name, _, sign = STDNUM[form.entity].partition(" ")
    module = importlib.import_module(f"stdnum.{name}")
    # Those that the pattern takes: half of them at random, and half that pass.
    loose = form.__class__(**{key: getattr(form, key) for key in form.__slots__} | {"check": None})
    texts = of_the_shape(form.example, 20_000)
    ours = passing(form, texts)
    wanted = sorted(passing(loose, texts) - ours)[:500] + sorted(ours)[:300]
    wanted += [form.example[:-1] + last for last in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    wanted = sorted(passing(loose, wanted))

    theirs = {text for text in wanted if accepts(module, text)}
    ours = passing(form, wanted)

    assert ours
    assert sign == "+" or ours <= theirs
    assert sign == "-" or theirs <= ours


@given(st.text("0123456789", min_size=2, max_size=19))
def test_luhn_and_verhoeff_agree_with_python_stdnum(digits):
    from stdnum import luhn as luhn_oracle
    from stdnum import verhoeff

    characters = np.frombuffer(digits.encode(), np.uint8)[None, :]

    assert are_luhn_valid(characters)[0] == luhn_oracle.is_valid(digits)
    assert luhn(characters)[0] == luhn_oracle.is_valid(digits)
    assert are_verhoeff_valid(characters)[0] == verhoeff.is_valid(digits)


@pytest.mark.parametrize("form", CHECKED, ids=named)
def test_one_digit_over_and_over_is_no_number(form):
    same = "".join("7" if character.isdigit() else character for character in form.example)

    if same.isdigit():
        assert passing(form, [same]) == set()


@pytest.mark.parametrize("number", ["1234567T", "1234567FA", "1234567TW"])
def test_irish_numbers_may_have_a_second_letter(number):
    (form,) = (form for form in FORMS if form.entity == "IE_PPS")

    assert passing(form, [number, number.replace("3", "4")]) == {number}


def test_what_decodes_to_more_than_an_address_is_no_wallet():
    form = next(form for form in FORMS if form.entity == "CRYPTO")

    assert passing(form, ["1" + "z" * 34, form.example]) == {form.example}


# ---- whole values --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("11.222.333/0001-81", "BR_CNPJ"),
        ("85.07.30-033.28", "BE_NN"),
        ("12345678Z", "ES_NIF"),
        ("x1234567l", "ES_NIE"),
        (" RSSMRA85T10A562S ", "IT_FISCAL_CODE"),
        ("943 476 5919", "UK_NHS"),
        ("AB123456C", "UK_NINO"),
        ("1EG4-TE5-MK73", "US_MBI"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "CRYPTO"),
        (WIDE, "ES_NIF"),
    ],
)
def test_the_likeliest_identifier_comes_first(text, entity):
    assert candidates(text)[0] == entity


def test_the_rarer_form_goes_before_the_commoner():
    found = identify(pa.array(["10000000146"]))

    assert found.names[found.entities[0]] == "TR_NATIONAL_ID"
    assert (np.diff(found.scores) <= 0).all()


def test_a_hint_decides_between_forms_that_nothing_tells_apart():
    assert candidates("AB1234567", hints=["UK_PASSPORT"])[0] == "UK_PASSPORT"
    assert candidates("123456782", hints=["IL_ID"])[0] == "IL_ID"


def test_a_generic_hint_speaks_for_all_of_its_kind():
    plain = identify(pa.array(["AB1234567"]))
    hinted = identify(pa.array(["AB1234567"]), hints=["PASSPORT"])

    assert plain.scores[0] < 0.5 <= hinted.scores[0]


def test_a_label_in_the_value_is_a_hint():
    assert candidates("passport: AAA123456")[0] == "ES_PASSPORT"
    assert identify(pa.array(["passport: AAA123456"])).scores[0] >= 0.5
    assert identify(pa.array(["see item AAA123456"])).scores[0] < 0.5


def test_what_is_found_says_where_it_stands():
    found = identify(pa.array([None, "é: 12345678Z", "nothing"]))

    assert found.rows.tolist() == [1]
    assert (found.starts[0], found.ends[0]) == (4, 13)


def test_an_entity_stands_once_in_a_row_and_the_specific_one_for_the_generic():
    found = identify(pa.array(["passport no. AAA123456"]), detectors=BUILTIN)
    names = [found.names[entity] for entity in found.entities]

    assert names[0] == "ES_PASSPORT"
    assert "PASSPORT" not in names
    assert len(names) == len(set(names))


class Nosy:
    """Finds something in the first two bytes of everything."""

    name = "nosy"
    entities = ("PERSON",)

    def detect(self, column):
        zeros = np.zeros(len(column), np.int64)
        return Spans(
            rows=np.arange(len(column)),
            starts=zeros,
            ends=zeros + 2,
            entities=zeros.astype(np.int32),
            scores=np.ones(len(column), np.float32),
            names=self.entities,
        )


def test_what_stands_in_a_part_of_an_identifier_does_not_count():
    assert "PERSON" not in candidates("12345678Z", detectors=[Nosy()])
    assert candidates("Ada 12345678Z", detectors=[Nosy()])[0] == "PERSON"


@pytest.mark.parametrize("text", ["", "Berlin", "12", "1.5", "2026-11-24", "a" * 500, "1" * 500])
def test_what_is_no_identifier_is_none(text):
    assert candidates(text) == []


def test_a_slice_and_nulls_are_read_in_place():
    column = pa.array(["x", None, "12345678Z", None])

    assert identify(column.slice(1)).rows.tolist() == [1]
    assert len(identify(pa.array([], pa.string()))) == 0
    assert len(identify(pa.array([None], pa.string()))) == 0


# ---- running text --------------------------------------------------------------------------------


def test_the_detector_keeps_its_contract():
    check_detector(IdentifierDetector())


@pytest.mark.parametrize("form", [form for form in FORMS if form.text_score], ids=named)
def test_every_form_that_needs_no_label_is_found_in_text(form):
    text = f"It was {form.example}, wasn't it?"

    assert (form.entity, form.example) in find(text)


def test_two_may_stand_side_by_side():
    assert find("12345678Z X1234567L") == {("ES_NIF", "12345678Z"), ("ES_NIE", "X1234567L")}


@pytest.mark.parametrize(
    "text",
    [
        "12345678Z9",
        "A12345678Z",
        "é12345678Z",
        "12345678Zé",
        "7-12345678-Z.5-1.12345678Z",
        "3.51 824 753 556",
        "51 824 753 556.7",
    ],
)
def test_a_part_of_a_longer_number_or_word_is_none(text):
    assert not {entity for entity, _ in find(text)} & {"AU_ABN"}
    assert "é" not in text or find(text) == set()
    assert text[0] not in "1A" or find(text) == set()


def test_a_script_without_spaces_may_stand_right_beside():
    assert find("身份证11010519491231002X请核对") == {("CN_RIC", "11010519491231002X")}


def test_numbers_that_need_a_label_are_left_alone():
    assert find("order 123456782, 0123456789 and 12345678901 of 51824753556") == set()


def test_spans_are_those_of_the_text_as_it_was():
    text = "id\u200b: " + WIDE + "!"
    found = IdentifierDetector().detect(pa.array([text]))

    (start,), (end,) = found.starts, found.ends
    assert text.encode()[start:end].decode() == WIDE


def test_a_number_does_not_run_into_the_next_row():
    column = pa.array(["12345", "678Z", "51 824", " 753 556"])

    assert len(IdentifierDetector().detect(column)) == 0


# ---- stripes and places --------------------------------------------------------------------------


def stretches(detector, text):
    found = detector.detect(pa.array([text]))
    return {text.encode()[a:b].decode() for a, b in zip(found.starts, found.ends, strict=True)}


@pytest.mark.parametrize(
    "track",
    [
        "%B4111111111111111^QUILL/ADA^29121010000000000000?",
        "B4111111111111111^QUILL/ADA^2912101",
        ";4111111111111111=29121010000012300000?",
        "4111111111111111D2912101",
    ],
)
def test_a_stripe_is_found_whole(track):
    assert stretches(track_detector(), f"read {track} ok") == {track}


@pytest.mark.parametrize(
    "text", ["x^2912101", "4111111111111111=2913101", "a=1234567", "12D1234567"]
)
def test_what_is_like_a_stripe_is_none(text):
    assert stretches(track_detector(), text) == set()


@pytest.mark.parametrize(
    "place",
    [
        "52.520008, 13.404954",
        "-33.8688,151.2093",
        "52.5200;-0.1276",
        "52°31'12\"N 13°24'18\"E",
        "52° 31\u2032 N, 13° 24\u2032 E",
    ],
)
def test_a_place_is_found_whole(place):
    assert stretches(coordinate_detector(), f"met at {place} today") == {place}


@pytest.mark.parametrize(
    "text", ["52.52, 13.40", "91.12345, 13.12345", "1.2345.6789, 1.23456", "20°C"]
)
def test_what_is_like_a_place_is_none(text):
    assert stretches(coordinate_detector(), text) == set()


# ---- runs ----------------------------------------------------------------------------------------


def runs(*texts):
    """Return the row and the text of each run."""
    offsets, data = rows_of(pa.array(texts))
    return [
        (int(row), data[start:end].tobytes().decode())
        for row, start, end in zip(*find_runs(offsets, data), strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("no digit here", []),
        ("HRB 123456", ["HRB 123456"]),
        ("M-XY-999", ["M-XY-999"]),
        ("15 070649 C 103", ["15 070649 C 103"]),
        ("1, 2", ["1", "2"]),
        ("1  2", ["1", "2"]),
        ("12345678 Z", ["12345678 Z"]),
        ("x" * LONGEST + "1", []),
        ("1" * (LONGEST + 1), []),
    ],
)
def test_a_run_is_words_with_digits_and_short_words_beside(text, found):
    assert [run for _, run in runs(text)] == found


def test_runs_end_with_their_row():
    assert runs("a1", "", "2b", "3") == [(0, "a1"), (2, "2b"), (3, "3")]


@given(st.lists(st.text("a1Z9 -é.", max_size=30), max_size=5))
def test_runs_hold_every_digit_of_words_that_are_not_too_long(texts):
    offsets, data = rows_of(pa.array(texts, pa.string()))
    covered = np.zeros(len(data), np.bool_)

    for row, start, end in zip(*find_runs(offsets, data), strict=True):
        assert offsets[row] <= start < end <= offsets[row + 1]
        covered[start:end] = True

    assert covered[(data >= ord("0")) & (data <= ord("9"))].all()


@pytest.mark.slow
@pytest.mark.parametrize("bit", ["12345678Z ", "1-", "51 824 753 556 ", "A1", "1 a "])
def test_time_grows_with_the_text(bit):
    def seconds(size, count):
        column = pa.array([bit * (size // len(bit))] * count)
        began = time.process_time()
        IdentifierDetector().detect(column)
        return time.process_time() - began

    seconds(10_000, 2)
    short = min(seconds(10_000, 40) for _ in range(3))

    assert min(seconds(200_000, 2) for _ in range(3)) < 2 * short + 0.05
