"""How a server says that an argument of its prompts or resources may go on."""

from __future__ import annotations

from mcp import ClientSession, MCPError, types

from xml_pipeline.mcp.payloads import Complete, Completions
from xml_pipeline.payload.text import carried

MOST = 100
"""Values of one answer, as the protocol has it."""

LONGEST = 1_000
"""Characters of a value."""


async def completions(wire: ClientSession, about: Complete) -> Completions:
    """Ask a server; one that completes nothing has nothing to say."""
    ref: types.PromptReference | types.ResourceTemplateReference = (
        types.PromptReference(name=about.name)
        if about.kind == "prompt"
        else types.ResourceTemplateReference(uri=about.name)
    )
    argument = {"name": about.argument, "value": about.value}
    try:
        found = (await wire.complete(ref, argument, dict(about.given) or None)).completion
    except MCPError as error:
        if error.code == types.METHOD_NOT_FOUND:
            return Completions()
        raise
    values = tuple(carried(each) for each in found.values[:MOST] if len(each) <= LONGEST)
    return Completions(values, found.total)
