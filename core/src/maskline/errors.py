"""Everything maskline raises.

* MasklineError
  x PolicyError              the policy cannot be read, or contradicts itself
  x KeyringError             the keys cannot be read, or do not suffice
  x PluginError              a plugin cannot be used
    + PluginLoadError        it could not be imported
    + PluginContractError    it breaks the contract of a hook
  x UsageError               a command or a magic was called with words that it does not know
  x SourceError              a database cannot be opened or described
  x QueryError               one query was not answered
    + QueryRefusedError      maskline will not run it; nothing was sent to the database
    + QueryFailedError       the database raised an error
    + QueryCancelledError    somebody stopped it, or its time was up
  x MaskingError             a batch could not be masked; nothing of it was released
  x AuditError               the audit log cannot be written, so nothing was released
    + AuditIntegrityError    the audit log was changed by other hands

No message, argument or cause of these exceptions holds a value from the data, a literal of the
SQL, or a key. A column is named, a row is counted, a value is never shown. Raise them outside the
``except`` block that caught the library's own error: ``raise ... from None`` hides that error but
keeps it in ``__context__``.
"""

from dataclasses import dataclass

__all__ = [
    "AuditError",
    "AuditIntegrityError",
    "KeyringError",
    "MaskingError",
    "MasklineError",
    "PluginContractError",
    "PluginError",
    "PluginLoadError",
    "PolicyError",
    "Problem",
    "QueryCancelledError",
    "QueryError",
    "QueryFailedError",
    "QueryRefusedError",
    "SourceError",
    "UsageError",
]


class MasklineError(Exception):
    """Base of all errors maskline raises.

    Attributes:
        code: A short name that never changes, fit for logs, tests and documentation links.
    """

    code = "maskline"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword-only hint: Airflow and process pools send errors as pickles."""
        return _rebuild, (type(self), self.message, self.hint, dict(self.__dict__))

    def __str__(self) -> str:
        """Return the message, then what to do about it."""
        lines = [f"[{self.code}] {self.message}"]
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        return "\n".join(lines)


def _rebuild(
    cls: type[MasklineError], message: str, hint: str, state: dict[str, object]
) -> MasklineError:
    error = cls(message, hint=hint)
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a policy file.

    Attributes:
        line: Counted from 1; 0 where the mistake is the file as a whole.
        column: Counted from 1; 0 where the mistake is the file as a whole.
        where: The path of keys that leads to it, such as ``rules[2].what``.
        message: What is wrong, in one sentence. It names keys and choices, never a secret.
        hint: What to write instead.
    """

    line: int
    column: int
    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return ``line:column: where: message`` and the mend."""
        head = f"{self.line}:{self.column}: " if self.line else ""
        where = f"{self.where}: " if self.where else ""
        return f"{head}{where}{self.message}" + (f" {self.hint}" if self.hint else "")


class PolicyError(MasklineError):
    """A policy cannot be read, or contradicts itself.

    Attributes:
        problems: Every mistake that was found, in the order of the file.
    """

    code = "policy"

    def __init__(self, message: str, *, hint: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems

    def __str__(self) -> str:
        """Return the message, a line for each problem, then the hint."""
        lines = [f"[{self.code}] {self.message}"]
        lines += [f"  {problem}" for problem in self.problems]
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        return "\n".join(lines)


class KeyringError(MasklineError):
    """The keys cannot be read, are readable by others, or do not suffice."""

    code = "keys"


class PluginError(MasklineError):
    """A plugin cannot be used."""

    code = "plugin"


class PluginLoadError(PluginError):
    """A plugin named by the policy is not installed, or its import failed."""

    code = "plugin-load"


class PluginContractError(PluginError):
    """A plugin implements an unknown hook, or returns what the hook does not allow."""

    code = "plugin-contract"


class UsageError(MasklineError):
    """A command or a magic was called with words that it does not know."""

    code = "usage"


class SourceError(MasklineError):
    """A database cannot be opened or described."""

    code = "source"


class QueryError(MasklineError):
    """A query was not answered."""

    code = "query"


class QueryRefusedError(QueryError):
    """maskline will not run the query. The message says why, the hint says what would work."""

    code = "query-refused"


class QueryFailedError(QueryError):
    """The database raised an error. Its class and SQLSTATE are kept; its text quotes values."""

    code = "query-failed"


class QueryCancelledError(QueryError):
    """The query was stopped before its end, by a person or by its time limit."""

    code = "query-cancelled"


class MaskingError(MasklineError):
    """A batch could not be masked, so none of it was released."""

    code = "masking"


class AuditError(MasklineError):
    """The audit log cannot be written or read. What is not recorded is not released."""

    code = "audit"


class AuditIntegrityError(AuditError):
    """The audit log is not what was written: a record was changed, removed, added or reordered."""

    code = "audit-integrity"
