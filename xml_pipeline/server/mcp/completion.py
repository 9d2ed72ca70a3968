"""How arguments may go on, as MCP has it."""

from __future__ import annotations

from typing import Any

from mcp import types

from xml_pipeline.mcp.payloads import Complete, Completions

MOST = 100
"""Values that the protocol lets one answer have."""


def question_about(params: types.CompleteRequestParams) -> Complete:
    """Return what a client wants to know, as a listener is asked it."""
    ref, argument, context = params.ref, params.argument, params.context
    about = (argument.name, argument.value, dict((context and context.arguments) or {}))
    if isinstance(ref, types.PromptReference):
        return Complete("prompt", ref.name, *about)
    return Complete("resource", ref.uri, *about)


def values_listed(about: Complete, prompt: dict[str, Any]) -> Completions:
    """Return what a prompt's own listing says: the `enum` of the argument, as far as it fits."""
    arguments = prompt.get("arguments")
    for each in arguments if isinstance(arguments, list) else ():
        if isinstance(each, dict) and each.get("name") == about.argument:
            values = each.get("enum")
            texts = map(str, values if isinstance(values, list) else ())
            return Completions(tuple(text for text in texts if text.startswith(about.value)))
    return Completions()


def completed(found: Completions) -> types.CompleteResult:
    """Return values as a client is told them."""
    total = max(len(found.values), found.total or 0)
    values = list(found.values[:MOST])
    return types.CompleteResult(
        completion=types.Completion(values=values, total=total, has_more=total > len(values))
    )
