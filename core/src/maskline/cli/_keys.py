"""``maskline keys``: makes, lists and rotates keys. It never shows one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer
from rich.table import Table

from maskline.cli._console import out, say, warn
from maskline.cli._options import Listing, ListingFormat

__all__ = ["app", "create", "list_", "rotate"]

app: Final = typer.Typer(help="Make, list and rotate the keys of tokens.", no_args_is_help=True)
_Keyring: TypeAlias = Annotated[Path, typer.Argument(help="The keyring file.")]
_DEFAULT: Final = Path("keyring.json")


@app.command()
def create(
    keyring: _Keyring = _DEFAULT,
    tenant: Annotated[
        str, typer.Option(help="Two tenants with one key have different tokens.")
    ] = "default",
) -> None:
    """Make a keyring with one new random key. A file that is there stays."""
    from maskline.tokens import Keyring

    fresh = Keyring.generate(tenant)
    fresh.save(keyring)
    say(f"made {keyring}: key {fresh.fingerprints()[0].fingerprint}, for its owner only")
    say("Keep it out of version control, and keep a copy: without it, tokens cannot be made again.")


@app.command("list")
def list_(keyring: _Keyring = _DEFAULT, how: Listing = ListingFormat.TABLE) -> None:
    """Show versions and fingerprints."""
    from maskline.tokens import Keyring

    prints = Keyring.load(keyring).fingerprints()
    if how is ListingFormat.JSON:
        print(json.dumps([asdict(each) for each in prints], default=str, indent=2))  # noqa: T201
        return
    table = Table("version", "state", "created", "fingerprint", box=None, pad_edge=False)
    for each in prints:
        created = f"{each.created:%Y-%m-%d %H:%M} UTC"
        table.add_row(str(each.version), each.state, created, each.fingerprint)
    out().print(table)


@app.command()
def rotate(keyring: _Keyring = _DEFAULT) -> None:
    """Add a new key, and make tokens with it from now on."""
    from maskline.tokens import Keyring

    fresh = Keyring.load(keyring).rotate()
    fresh.save(keyring, overwrite=True)
    newest = fresh.fingerprints()[-1]
    say(f"{keyring}: version {newest.version} is active, key {newest.fingerprint}")
    warn("Tokens that are made from now on do not equal those that were made before.")
