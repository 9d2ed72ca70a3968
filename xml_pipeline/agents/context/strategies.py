"""The strategies that an organism file names, applied.

``besides`` is the tokens of a request that are no messages: instructions and functions. They count,
for a model has to read them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xml_pipeline.agents.aside import Aside
from xml_pipeline.agents.context.compaction import compactable
from xml_pipeline.agents.context.pruning import Pruned, pruned
from xml_pipeline.agents.context.summary import Summarizer
from xml_pipeline.agents.context.window import window
from xml_pipeline.config import ContextConfig
from xml_pipeline.llm.base import Message
from xml_pipeline.llm.tokens import of_messages


def shown(messages: Sequence[Message], config: ContextConfig, besides: int = 0) -> Pruned:
    """Return what a model is shown of a conversation; the conversation itself stays whole.

    Results are pruned first: the more of the conversation fits into the window.
    """
    view = pruned(messages, config.keep_recent, config.prune_results_over)
    if config.strategy != "window":
        return view
    return replace(view, messages=window(view.messages, config.max_tokens - besides))


def to_be_summarized(messages: Sequence[Message], config: ContextConfig, besides: int = 0) -> bool:
    """Tell whether it is time to put a summary in the place of what is older."""
    return (
        config.strategy == "summarize"
        and compactable(messages, compacted_before=False)
        and of_messages(messages) + besides > config.max_tokens
    )


def summarizer(config: ContextConfig, aside: Aside) -> Summarizer:
    """Return who summarizes; ``aside`` asks the ``summary_model``, or the agent's own."""
    return Summarizer(aside, config.max_tokens, config.recursive)
