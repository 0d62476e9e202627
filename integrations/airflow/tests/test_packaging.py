"""What a user installs: a wheel that Airflow finds, and imports that cost nothing."""

import json
import os
import re
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import uv_build

import maskline
import maskline_airflow

MEMBER = Path(__file__).parents[1]
HEAVY = ["pyarrow", "pandas", "numpy", "openlineage", "duckdb", "sqlglot"]


def python(code: str, executable: str = sys.executable, **environment: str) -> str:
    done = subprocess.run(
        [executable, "-W", "ignore", "-c", code],
        env=os.environ | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


def test_imports_at_parse_time_are_cheap() -> None:
    code = (
        "import sys, time, json\n"
        "import airflow.sdk, airflow.providers.common.sql.operators.sql\n"
        "before = set(sys.modules)\n"
        "start = time.process_time()\n"
        "from maskline_airflow import MaskedSQLExecuteQueryOperator, MaskTransferOperator\n"
        "from maskline_airflow import PIICheckOperator\n"
        "import maskline_airflow.decorators\n"
        "spent = time.process_time() - start\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules and m not in before]\n"
        "print(json.dumps([spent, heavy]))"
    )
    runs = [json.loads(python(code)) for _ in range(2)]

    assert min(spent for spent, _ in runs) < 0.05
    assert [heavy for _, heavy in runs] == [[], []]


def test_every_public_name_can_be_imported() -> None:
    for name in maskline_airflow.__all__:
        assert getattr(maskline_airflow, name) is not None
    with pytest.raises(AttributeError):
        _ = maskline_airflow.nothing


def test_provider_info_has_the_shape_that_airflow_wants() -> None:
    import airflow
    import jsonschema

    from maskline_airflow.provider import get_provider_info

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)


def test_airflow_shows_the_provider_of_the_built_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MEMBER)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    wheel = tmp_path / uv_build.build_wheel(str(tmp_path))
    # A path file does not follow the path files of another folder, so that of this environment
    # everything can be imported but the members of the workspace.
    clean = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clean], check=True)
    [packages] = clean.glob("lib/*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    core = Path(maskline.__file__).parents[1]
    (packages / "others.pth").write_text("\n".join([str(core), *site.getsitepackages()]))
    own = python(
        "import maskline_airflow; print(maskline_airflow.__file__)", str(clean / "bin/python")
    )
    shown = subprocess.run(
        [clean / "bin/python", "-m", "airflow", "providers", "get", "maskline-airflow", "--full"],
        capture_output=True, text=True, check=True,
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path), "COLUMNS": "500"},
    ).stdout  # fmt: skip

    assert own.startswith(str(clean))
    assert "maskline-airflow" in shown
    assert "masked_sql" in shown
    assert re.search(r"\b0\.1\.0\b", shown)
