"""Presidio's engines as detectors, with a blank pipeline and real recognizers."""

import os
import pickle
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
from presidio_analyzer import Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, EmailRecognizer

import maskline_presidio
from maskline.errors import MaskingError, PluginContractError
from maskline.plugins import load_registry
from maskline.testing import check_detector
from maskline_presidio import blank_analyzer, plugin
from maskline_presidio._engines import VARIABLE, configured

BADGE = PatternRecognizer(
    supported_entity="Staff Badge", patterns=[Pattern("badge", r"\bQX-\d{5}\b", 0.8)]
)


class Broken(PatternRecognizer):
    """Raises, with the text in the error."""

    def __init__(self):
        super().__init__(supported_entity="BROKEN", patterns=[Pattern("any", "x", 0.5)])

    def analyze(self, text, entities, nlp_artifacts=None, regex_flags=None):
        raise ValueError(text)


class Astray(Broken):
    """Finds what lies beside the text."""

    def analyze(self, text, entities, nlp_artifacts=None, regex_flags=None):
        return [RecognizerResult("BROKEN", 0, len(text) + 1, 0.5)]


def only(*recognizers, **options):
    [detector] = plugin(blank_analyzer(recognizers), **options).maskline_register_detectors()
    return detector


def found(detector, *texts):
    column = pa.array(texts, pa.string())
    spans = detector.detect(column)
    return sorted(
        (int(row), texts[row].encode()[start:end].decode(), spans.names[entity])
        for row, start, end, entity in zip(
            spans.rows, spans.starts, spans.ends, spans.entities, strict=True
        )
    )


def test_the_default_engine_finds_what_presidio_finds(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    [detector] = maskline_presidio.maskline_register_detectors()

    assert detector.name == "presidio_en"
    assert "PERSON" not in detector.entities
    assert (0, "ada@example.com", "EMAIL_ADDRESS") in found(detector, "To ada@example.com.")


def test_it_does_what_a_detector_must():
    check_detector(
        only(BADGE, CreditCardRecognizer()), examples=["QX-10023.", "4111 1111 1111 1111"]
    )


def test_a_policy_can_load_it_beside_what_is_built_in(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    registry = load_registry(extra={"presidio": maskline_presidio})

    assert "presidio_en" in [detector.name for detector in registry.detectors]
    assert {"CRYPTO", "EMAIL_ADDRESS"} <= set(registry.entities)


def test_a_recognizer_of_ones_own_is_found_under_its_own_name():
    registry = load_registry(extra={"mine": plugin(blank_analyzer([BADGE]))})

    [detector] = [one for one in registry.detectors if one.name == "presidio_en"]

    assert registry.entities["STAFF_BADGE"].title == "staff badge"
    assert found(detector, "badge QX-10023") == [(0, "QX-10023", "STAFF_BADGE")]


def test_offsets_are_bytes_and_every_row_of_a_text_has_them():
    detector = only(BADGE)
    texts = ["Zoë 😀 QX-10023", "nothing", "山 QX-00001 QX-00002", "Zoë 😀 QX-10023"]

    assert found(detector, *texts) == [
        (0, "QX-10023", "STAFF_BADGE"),
        (2, "QX-00001", "STAFF_BADGE"),
        (2, "QX-00002", "STAFF_BADGE"),
        (3, "QX-10023", "STAFF_BADGE"),
    ]


def test_nulls_slices_and_nothing_are_read_right():
    detector = only(BADGE)
    column = pa.array(["QX-10023", None, "QX-10024", None, "QX-10023"], pa.string())

    assert sorted(detector.detect(column).rows.tolist()) == [0, 2, 4]
    assert detector.detect(column.slice(1, 2)).rows.tolist() == [1]
    assert len(detector.detect(column.slice(1, 1))) == 0
    assert len(detector.detect(column.slice(0, 0))) == 0


def test_more_texts_than_one_batch_are_all_read():
    texts = [f"{number} QX-{number:05}" for number in range(2_500)]

    assert len(found(only(BADGE), *texts)) == 2_500


def test_entities_and_threshold_can_be_chosen():
    recognizers = [BADGE, EmailRecognizer(), CreditCardRecognizer()]
    text = "QX-10023 ada@example.com"

    assert [name for *_, name in found(only(*recognizers, entities=["Staff Badge"]), text)] == [
        "STAFF_BADGE"
    ]
    assert [name for *_, name in found(only(*recognizers, threshold=0.9), text)] == [
        "EMAIL_ADDRESS"
    ]


def test_what_is_masked_already_is_left_alone():
    anything = PatternRecognizer(
        supported_entity="ANY", patterns=[Pattern("any", r"[A-Za-z0-9_\[\]]{5,}", 0.5)]
    )

    assert found(only(anything), "[EMAIL_ADDRESS] other") == [(0, "other", "ANY")]


def test_an_error_of_a_recognizer_stops_the_work_and_tells_no_text():
    detector = only(Broken())

    with pytest.raises(MaskingError, match="ValueError") as caught:
        detector.detect(pa.array(["kestrel-canary"], pa.string()))

    assert b"kestrel-canary" not in pickle.dumps(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_a_finding_beside_the_text_stops_the_work():
    with pytest.raises(MaskingError, match="beside the text"):
        only(Astray()).detect(pa.array(["canary"], pa.string()))


def test_an_entity_that_the_engine_does_not_know_is_a_mistake():
    with pytest.raises(PluginContractError, match="does not find") as caught:
        only(BADGE, entities=["PERSON"])

    assert "Staff Badge" in caught.value.hint


def test_entities_that_would_have_one_name_are_a_mistake():
    other = PatternRecognizer(supported_entity="STAFF_BADGE", patterns=[Pattern("b", "b", 0.5)])

    with pytest.raises(PluginContractError, match="name of another one"):
        only(BADGE, other)


def test_the_configured_engine_is_built_once(tmp_path, monkeypatch):
    path = tmp_path / "analyzer.yaml"
    path.write_text("supported_languages: [en]")
    monkeypatch.setenv(VARIABLE, str(path))
    first = configured()

    assert configured() is first
    path.write_text("supported_languages: [en]\ndefault_score_threshold: 0.5")
    assert configured().default_score_threshold == 0.5


def test_an_engine_that_logs_what_it_reads_is_refused():
    analyzer = blank_analyzer([BADGE])
    analyzer.log_decision_process = True

    with pytest.raises(PluginContractError, match="logs its decisions"):
        plugin(analyzer)


def test_a_configuration_of_presidio_is_followed(tmp_path, monkeypatch):
    path = tmp_path / "analyzer.yaml"
    path.write_text("""
supported_languages: [en, de]
default_score_threshold: 0.4
recognizer_registry:
  recognizers:
    - {name: EmailRecognizer, type: predefined, supported_languages: [en, de]}
    - name: badges
      type: custom
      supported_entity: BADGE
      supported_languages: [{language: de}]
      patterns: [{name: badge, regex: 'QX-\\d{5}', score: 0.5}]
""")
    monkeypatch.setenv(VARIABLE, str(path))

    english, german = sorted(
        maskline_presidio.maskline_register_detectors(), key=lambda one: one.name, reverse=True
    )

    assert (english.name, english.entities) == ("presidio_en", ("EMAIL_ADDRESS",))
    assert (german.name, german.entities) == ("presidio_de", ("BADGE", "EMAIL_ADDRESS"))
    assert found(german, "QX-10023") == [(0, "QX-10023", "BADGE")]
    assert [one.name for one in maskline_presidio.maskline_register_entities()] == ["BADGE"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "FileNotFoundError"),
        ("[1, 2]", "no mapping"),
        ("a: [", "ParserError"),
        ("supported_languages: 7", "TypeError"),
        ("recognizer_registry: {recognizers: [{name: NoSuch, type: predefined}]}", "set up"),
        (
            "nlp_configuration: {models: [{lang_code: en, model_name: en_core_web_no_such}]}",
            "not installed",
        ),
        ("nlp_configuration: {nlp_engine_name: spacy}", "names no model"),
        ("nlp_configuration: {nlp_engine_name: stanza, models: [{model_name: x}]}", "set up"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_a_mistake(tmp_path, monkeypatch, text, problem):
    path = tmp_path / "analyzer.yaml"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv(VARIABLE, str(path))

    with pytest.raises(PluginContractError, match=problem):
        load_registry(extra={"presidio": maskline_presidio})


@pytest.mark.skipif(find_spec("en_core_web_sm") is None, reason="no language model is installed")
def test_a_language_model_finds_names(tmp_path, monkeypatch):
    path = tmp_path / "analyzer.yaml"
    path.write_text("""
nlp_configuration:
  nlp_engine_name: spacy
  models: [{lang_code: en, model_name: en_core_web_sm}]
""")
    monkeypatch.setenv(VARIABLE, str(path))

    [detector] = plugin(configured()).maskline_register_detectors()

    assert (0, "Paris", "LOCATION") in found(detector, "She lives in Paris.")


def test_a_pipeline_of_spacy_that_knows_names_is_used(tmp_path, monkeypatch):
    import spacy

    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada Quill"}])
    pipeline.to_disk(tmp_path / "model")
    path = tmp_path / "analyzer.yaml"
    path.write_text(f"""
nlp_configuration:
  nlp_engine_name: spacy
  models: [{{lang_code: en, model_name: {tmp_path / "model"}}}]
  ner_model_configuration: {{model_to_presidio_entity_mapping: {{PERSON: PERSON}}}}
""")
    monkeypatch.setenv(VARIABLE, str(path))

    [detector] = maskline_presidio.maskline_register_detectors()

    assert (0, "Ada Quill", "PERSON") in found(detector, "Ada Quill called.")


def test_a_language_without_recognizers_has_no_detector():
    analyzer = blank_analyzer([BADGE], languages=["en", "fr"])

    names = [one.name for one in plugin(analyzer).maskline_register_detectors()]
    assert names == ["presidio_en"]


def test_the_code_of_the_readme_runs():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)

    exec(compile(code, "README.md", "exec"), {})  # noqa: S102


def test_every_recognizer_that_needs_no_model_can_be_turned_on(monkeypatch):
    monkeypatch.setenv(VARIABLE, str(Path(__file__).parents[1] / "every.yaml"))

    [detector] = maskline_presidio.maskline_register_detectors()

    assert {"ES_NIF", "UK_NINO", "IN_PAN"} <= set(detector.entities)


def test_importing_the_package_is_cheap():
    heavy = ["presidio_analyzer", "spacy", "tldextract"]
    script = f"import maskline_presidio, sys; print([m for m in {heavy!r} if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip

    assert done.stdout.strip() == "[]"
