"""``maskline policy``: checks a policy, and helps editors to write one."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from maskline.cli._console import ExitCode, fail, say
from maskline.errors import PolicyError

__all__ = ["app", "check", "schema"]

app: Final = typer.Typer(help="Check a policy.", no_args_is_help=True)
_DEFAULT: Final = Path("policy.yaml")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="The policy file.")] = _DEFAULT,
) -> int:
    """Read a policy and report every mistake in it, one a line."""
    from maskline.plugins import load_policy
    from maskline.tokens import Keyring

    try:
        policy, _ = load_policy(path, strict=True)
    except PolicyError as error:
        broken = error
    else:
        if policy.keys:
            Keyring.open(policy.keys)
        labels = sum(map(len, policy.labels.values()))
        say(
            f"{path}: no mistakes. {len(policy.sources)} sources, {labels} labels, "
            f"{len(policy.rules)} rules, version {policy.version}"
        )
        return ExitCode.DONE
    for problem in broken.problems:
        place = f"{path}:{problem.line}:{problem.column}"
        where = f"{problem.where}: " if problem.where else ""
        hint = f" {problem.hint}" if problem.hint else ""
        print(f"{place}: {where}{problem.message}{hint}")  # noqa: T201 - the answer of the command
    fail(broken.code, broken.message, hint=broken.hint)
    return ExitCode.USAGE


@app.command()
def schema(
    plugins: Annotated[
        list[str] | None,
        typer.Option("--plugin", help="A plugin whose names shall be choices. May be repeated."),
    ] = None,
) -> None:
    """Print a JSON Schema of the policy file, for editors."""
    from maskline.plugins import load_registry
    from maskline.policy import policy_schema

    print(json.dumps(policy_schema(load_registry(plugins or ())), indent=2))  # noqa: T201
