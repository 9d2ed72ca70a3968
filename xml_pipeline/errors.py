"""The tree of refusals.

Everything that this package raises on purpose stands below one root, so that a caller can
catch as widely or as narrowly as it likes::

    XmlPipelineError
    ├── ConfigError               the file is wrong; carries every problem at once
    ├── PluginNotFound            configuration names something that is not there
    │   └── MissingExtra          … because an optional package is not installed
    ├── PayloadDefinitionError    a payload class cannot be bound (also a TypeError)
    ├── Rejected                  a step refuses one message; the pump turns it into a fault
    │   ├── SignatureRefused      it is not signed, or not as it should be
    │   ├── Denied                rules, or a person, are against it: trying again is no use
    │   ├── AuditFailed           it could not be written down first, so it is not done
    │   │   └── AuditInUse        … because the audit log is another organism's
    │   └── InvalidPayload        a value or document does not fit its class (also a ValueError)
    ├── InvalidState              a listener's state is not plain or too large (also a ValueError)
    ├── Overloaded                the outer door is full; try again later
    │   └── ShareExhausted        … for whoever has more than their share waiting already
    ├── BackendUnavailable        what must outlive the process cannot be written at present
    │   └── TakenOver             … for somebody else works on it by now
    ├── Retryable                 a handler says: not now, but perhaps later
    ├── UnknownThread             no such conversation, or not yours: both read the same
    ├── UnknownListener           no such listener
    ├── UnknownLetter             no such dead letter
    ├── UnknownRule               no such learned rule
    └── Unanswered                ``ask`` ended without the answer; carries code and id
        ├── HandlerFailed         the handler raised
        ├── NoReply               everything went quiet without a reply
        ├── Timeout               time was up
        ├── BudgetExhausted       the conversation has spent what it had
        └── Undeliverable         refused on its way: validation, routing, overload
"""

from __future__ import annotations

from typing import Any, Literal, get_args

FaultCode = Literal["routing", "validation", "timeout", "budget", "handler", "overload", "internal"]
"""Why a message failed, as its sender may know it."""

FAULT_CODES: tuple[FaultCode, ...] = get_args(FaultCode)


class XmlPipelineError(Exception):
    """Anything this package raises on purpose.

    ``code`` is a fault code where there is one; ``id`` is the fault's id, under which the
    log keeps the details that are not told to the sender.
    """

    code: FaultCode | None = None
    id: str = ""


class ConfigError(XmlPipelineError):
    """A configuration file cannot be used; ``problems`` lists everything wrong with it.

    Each problem is a sentence that begins with ``file:line:column`` where a place is known.
    ``warnings`` are sentences too, of what is odd in it, and would not have hindered.
    """

    def __init__(self, problems: tuple[str, ...], warnings: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.warnings = warnings


class PluginNotFound(XmlPipelineError):
    """Configuration names a plug-in that exists neither here nor as an entry point."""


class MissingExtra(PluginNotFound):
    """A plug-in needs a package that is not installed; the message names the extra."""


class PayloadDefinitionError(XmlPipelineError, TypeError):
    """A dataclass has a field that no XML element can carry; raised when it is decorated."""


class Rejected(XmlPipelineError):
    """A step refuses a message.

    ``code`` is told to the sender, with ``words``, or the usual ones of the code; ``detail``
    goes to the log only. ``final`` says that trying again makes no sense, whatever the code.
    """

    words = ""
    final = False

    def __init__(self, code: FaultCode, detail: str) -> None:
        super().__init__(detail)
        self.code: FaultCode = code
        self.detail = detail


class SignatureRefused(Rejected):
    """A message is not signed, or its signature does not count; all of them read the same."""

    words = "This message is not signed, or its signature does not count here."

    def __init__(self, detail: str) -> None:
        super().__init__("validation", f"signature: {detail}")


class Denied(Rejected):
    """Rules, or a person, are against it; ``words`` say so to whoever wanted it.

    A handler may raise it too, here or in a worker process: its caller is told these words.
    """

    final = True

    def __init__(self, words: str, detail: str = "") -> None:
        super().__init__("routing", detail or words)
        self.why = words
        self.words = f"Denied: {words}"


class AuditFailed(Rejected):
    """What was to be done could not be written into the audit log first, so it was not done."""

    def __init__(self, detail: str) -> None:
        super().__init__("internal", f"audit log: {detail}")


class AuditInUse(AuditFailed):
    """Another organism has the audit log open."""


class InvalidPayload(Rejected, ValueError):
    """A value cannot be written, or a document cannot be read, as a payload.

    ``field`` is the dotted name of the field, or empty where the whole payload is meant.
    """

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__("validation", f"{field}: {detail}" if field else detail)
        self.field = field


class InvalidState(XmlPipelineError, ValueError):
    """What a listener would remember on a thread cannot be kept, or bytes are no such state."""


class Overloaded(XmlPipelineError):
    """The outer door is full; ``retry_after`` seconds is a fair time to wait."""

    code: FaultCode | None = "overload"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ShareExhausted(Overloaded):
    """Much is waiting, and more than a fair share of it is yours: others may still come in."""


class BackendUnavailable(XmlPipelineError):
    """The backend cannot be read or written at present; nothing is known of what was tried."""

    code: FaultCode | None = "overload"
    retry_after: float = 2.0


class TakenOver(BackendUnavailable):
    """Another node works on these conversations by now: nothing was written, nor will be."""


class Retryable(XmlPipelineError):
    """A handler raises this where a later attempt may succeed; any other error is final.

    The message is handed over again, after the listener's ``retry`` delay, and laid with the
    dead letters after ``max_deliveries`` attempts. ``after`` seconds is the least delay that
    makes sense, where it is known: a server's Retry-After, for instance.
    """

    def __init__(self, message: str = "", after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class UnknownThread(XmlPipelineError):
    """No such conversation, or not yours: the two read the same."""


class UnknownListener(XmlPipelineError):
    """No such listener."""


class UnknownLetter(XmlPipelineError):
    """No such dead letter, or not any more."""


class UnknownRule(XmlPipelineError):
    """No such learned rule, or not any more."""


class Unanswered(XmlPipelineError):
    """A question ended without its answer; ``code`` and ``id`` are the fault's.

    ``spent`` is what was taken for it all the same, a ``Spent``, None where nobody kept account.
    """

    def __init__(
        self, message: str, *, code: FaultCode | None = None, id: str = "", spent: Any = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.id = id
        self.spent = spent


class HandlerFailed(Unanswered):
    """The handler raised."""


class NoReply(Unanswered):
    """Everything below the question went quiet, and nobody had answered it."""


class Timeout(Unanswered):
    """Time was up."""


class BudgetExhausted(Unanswered):
    """The conversation has spent the tokens, money, messages or time it had."""


class Undeliverable(Unanswered):
    """The message was refused on its way: by validation, routing, a limit or overload."""
