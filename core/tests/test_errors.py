"""Errors: stable names, and nothing lost on the way between processes."""

import pickle

import pytest

import maskline
from maskline import errors

ALL = [
    getattr(errors, name)
    for name in errors.__all__
    if issubclass(getattr(errors, name), maskline.MasklineError)
]


@pytest.mark.parametrize("cls", ALL)
def test_errors_survive_pickling(cls: type[maskline.MasklineError]) -> None:
    copy = pickle.loads(pickle.dumps(cls("broken", hint="mend it")))  # noqa: S301

    assert type(copy) is cls
    assert str(copy) == f"[{cls.code}] broken\nHint: mend it"


def test_problems_of_a_policy_survive_pickling() -> None:
    problem = errors.Problem(line=2, column=3, where="masks", message="No.", hint="Write yes.")

    copy = pickle.loads(pickle.dumps(maskline.PolicyError("broken", problems=(problem,))))  # noqa: S301

    assert copy.problems == (problem,)
    assert "2:3: masks: No. Write yes." in str(copy)


def test_codes_are_unique() -> None:
    assert len({cls.code for cls in ALL}) == len(ALL)


def test_a_missing_integration_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maskline, "entry_points", lambda **_: [])

    with pytest.raises(maskline.PluginLoadError, match=r'pip install "maskline\[jupyter\]"'):
        maskline.load_ipython_extension(object())
    with pytest.raises(maskline.PluginLoadError):
        maskline.unload_ipython_extension(object())


def test_unknown_names_are_attribute_errors() -> None:
    assert maskline.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        maskline.nothing  # noqa: B018
