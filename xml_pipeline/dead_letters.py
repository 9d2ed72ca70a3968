"""Looking through dead letters, and sending one once more or throwing it away.

The rule this file guards: a letter is there, or it is on its way again, never both or neither. It
is dropped in the commit in which its message is taken in.
"""

from __future__ import annotations

from xml_pipeline.backends import DeadLetter
from xml_pipeline.errors import UnknownLetter
from xml_pipeline.kernel import Kernel
from xml_pipeline.message import Wire
from xml_pipeline.thread import Conversation, Thread


class DeadLetters:
    """The messages that were given up. All raise BackendUnavailable where they cannot be read."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._leaving: set[str] = set()

    async def all(self) -> list[DeadLetter]:
        """Return all of them, the oldest first."""
        await self._kernel.journal.written()
        return await self._kernel.journal.backend.letters()

    async def get(self, letter_id: str) -> DeadLetter:
        """Return one; UnknownLetter where there is none of that id."""
        await self._kernel.journal.written()
        letter = await self._kernel.journal.backend.letter(letter_id)
        if letter is None or letter_id in self._leaving:
            raise UnknownLetter(f"there is no dead letter {letter_id!r}")
        return letter

    async def replay(self, letter_id: str, sender: str, by: str) -> str:
        """Send a letter's message once more, as a new conversation; returns its thread.

        It comes from whoever opens the conversation, ``sender``. Raises UnknownLetter;
        UnknownListener or Rejected where it could not be delivered: then the letter stays.
        """
        letter = await self.get(letter_id)
        self._try(letter, sender)
        self._kernel.audit.order(by, "replay letter", _about(letter))
        thread = self._kernel.ingress.take_in_again(letter.payload, sender, letter.tenant)
        await self._dropped(letter)
        return thread.id

    async def drop(self, letter_id: str, by: str) -> None:
        """Throw a letter away; UnknownLetter where there is none of that id."""
        letter = await self.get(letter_id)
        self._kernel.audit.order(by, "drop letter", _about(letter))
        await self._dropped(letter)

    async def _dropped(self, letter: DeadLetter) -> None:
        self._leaving.add(letter.id)
        self._kernel.journal.drop(letter.id)
        try:
            await self._kernel.journal.written()
        finally:
            if self._kernel.journal.is_clean:
                self._leaving.discard(letter.id)

    def _try(self, letter: DeadLetter, sender: str) -> None:
        """Find out whether a letter can be delivered, before anything is done about it."""
        listener = self._kernel.listeners.get(letter.listener)
        conversation = Conversation(0, letter.conversation_id, sender, letter.tenant)
        thread = Thread(conversation.id, conversation, None, sender, listener.name, 1)
        wire = Wire(letter.payload, "sealed", "inject", sender, conversation, thread, 1)
        self._kernel.pump.rail.again(wire, listener, thread)


def _about(letter: DeadLetter) -> dict[str, str]:
    return {"letter": letter.id, "message": letter.message_id, "listener": letter.listener}
