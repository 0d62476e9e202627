"""Small pure functions on the buffers of Arrow text.

Each works on whole columns, checks its bounds, and gives back fresh buffers: no byte of its input
that is not part of the result can be reached through the result. This package knows numpy, pyarrow
and spans. It does not know labels, masks, policies, or what a value means.
"""

from ._ends import keep_ends
from ._spans import extract, splice

__all__ = ["extract", "keep_ends", "splice"]
