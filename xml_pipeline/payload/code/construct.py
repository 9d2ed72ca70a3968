"""How the reader makes the object.

A frozen dataclass's own ``__init__`` calls ``object.__setattr__`` for each field, which takes
five times as long as plain assignment. So the reader fills a *draft*, an object of a class with
the same slots that is not frozen, and then lets it become the real one by setting ``__class__``.
Where that could skip anything that the author wrote, the constructor is called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from xml_pipeline.payload.code.source import Source
from xml_pipeline.payload.model.kinds import Record

# The closure variable of the __init__ that dataclasses generate for frozen classes.
_GENERATED = "__dataclass_builtins_object__"


def construction(source: Source, record: Record, values: Sequence[str], verify: str) -> list[str]:
    """Return the statements that return an object with these values, one for each member.

    ``verify`` is the name of a function that returns the object if it passes, or nothing.
    """
    cls = source.bind("cls", record.cls)
    draft = _draft_of(record.cls)
    if draft is None:
        arguments = ", ".join(
            f"{member.name}={value}" for member, value in zip(record.members, values, strict=True)
        )
        return [f"return {verify}({cls}({arguments}))"]
    post_init = ["draft.__post_init__()"] if hasattr(record.cls, "__post_init__") else []
    return [
        f"draft = {source.bind('draft', draft)}()",
        *(
            f"draft.{member.name} = {value}"
            for member, value in zip(record.members, values, strict=True)
        ),
        f"draft.__class__ = {cls}",
        *post_init,
        f"return {verify}(draft)" if verify else "return draft",
    ]


def _draft_of(cls: type[Any]) -> type[Any] | None:
    """Return a class of the same layout to assign to, unless the constructor has its own ways."""
    init = getattr(cls.__init__, "__code__", None)
    plain = (
        init is not None
        and _GENERATED in (*init.co_freevars, *init.co_names)
        and cls.__bases__ == (object,)
        and type(cls) is type
        and "__slots__" in cls.__dict__
        and "__new__" not in cls.__dict__
        and all(field.init for field in dataclasses.fields(cls))
    )
    if not plain:
        return None
    draft = type("Draft", (), {"__slots__": cls.__dict__["__slots__"]})
    try:
        draft().__class__ = cls
    except TypeError:
        return None
    return draft
