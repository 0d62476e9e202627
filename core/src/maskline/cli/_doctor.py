"""``maskline doctor``: tells what this installation consists of, and what it does without."""

import json

from maskline._kernels import ENVIRONMENT_VARIABLE
from maskline.cli._console import out, say
from maskline.cli._options import Listing, ListingFormat
from maskline.installation import installation

__all__ = ["doctor"]


def doctor(how: Listing = ListingFormat.TABLE) -> None:
    """Show versions, and whether compiled kernels mask the values."""
    found = installation()
    if how is ListingFormat.JSON:
        print(json.dumps(found, indent=2))  # noqa: T201 - data, on the standard output
        return
    width = max(map(len, found))
    for name, what in found.items():
        out().print(f"{name:{width}}  {what}")
    if found["kernels"] == "numpy":
        say(
            "Masking works without the compiled kernels, and is several times slower. To have "
            f"them, unset {ENVIRONMENT_VARIABLE}, and install maskline where there is a C compiler."
        )
