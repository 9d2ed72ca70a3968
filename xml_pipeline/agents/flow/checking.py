"""Whether the steps of a flow fit together, as far as they declare what they answer with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xml_pipeline.agents.flow.fitting import accepted_by, form, has_words, takes_words
from xml_pipeline.agents.flow.shape import Flow, Step
from xml_pipeline.config import Finding
from xml_pipeline.listener import Listener
from xml_pipeline.payload import RawPayload, codec_of


def misfits(
    flow: Flow,
    accepts: Sequence[type],
    output: Sequence[type],
    listeners: Mapping[str, Listener],
) -> Iterator[Finding]:
    """Yield what does not fit.

    What a listener has not declared, with ``output_class``, is not checked: it is judged when
    it comes.
    """
    found = {
        step.name: listeners[step.listener] for step in flow.steps if step.listener in listeners
    }
    for step in flow.steps:
        if step.name in found:
            yield from _at_the_beginning(flow, step, accepts, found)
            yield from _on_its_ways(flow, step, found)
            yield from _where_it_joins(flow, step, found)
            yield from _at_the_end(flow, step, output, found)


def _at_the_beginning(
    flow: Flow, step: Step, accepts: Sequence[type], found: Mapping[str, Listener]
) -> Iterator[Finding]:
    accepted = accepted_by(found[step.name])
    for cls in accepts if step.name in flow.entries else ():
        if form(cls, accepted) is None:
            words = f"{step.listener} does not accept {_tag(cls)}, with which it begins"
            yield Finding(step.at, words, "a `payload_class` says with what it begins")


def _on_its_ways(flow: Flow, step: Step, found: Mapping[str, Listener]) -> Iterator[Finding]:
    for way in flow.ways:
        if way.source == step.name and way.target in found:
            target = found[way.target]
            for cls in found[step.name].outputs:
                if form(cls, accepted_by(target)) is None:
                    words = (
                        f"{target.name} does not accept {_tag(cls)}, which {step.listener} answers"
                    )
                    yield Finding(way.at, words)


def _where_it_joins(flow: Flow, step: Step, found: Mapping[str, Listener]) -> Iterator[Finding]:
    """Several answers are put together as words; so they have to be words, and taken as such."""
    sources = [flow.ways[index].source for index in flow.into[step.name]]
    if step.join == "any" or len(sources) < 2:
        return
    hint = "`join: any` gives it only what comes first"
    if takes_words(accepted_by(found[step.name])) is None:
        yield Finding(
            step.at, f"{step.listener} does not accept several answers, put together", hint
        )
    for source in sources:
        for cls in found[source].outputs if source in found else ():
            if not _is_wordy(cls):
                yield Finding(step.at, f"{_tag(cls)} of {source} cannot be put together", hint)


def _at_the_end(
    flow: Flow, step: Step, output: Sequence[type], found: Mapping[str, Listener]
) -> Iterator[Finding]:
    always_leads_on = any(not flow.ways[index].conditions for index in flow.out[step.name])
    if always_leads_on:
        return
    if flow.sections and takes_words(output) is None:
        words = f"its answers are put together as words, and {_tag(output[0])} is made of more"
        yield Finding(("output_class",), words)
    for cls in found[step.name].outputs:
        fits = _is_wordy(cls) if flow.sections else form(cls, output) is not None
        if not fits:
            words = f"{step.listener} answers {_tag(cls)}, and the whole answers {_tag(output[0])}"
            hint = "" if flow.sections else "an `output_class` says what it answers"
            yield Finding(step.at, words, hint)


def _is_wordy(cls: type) -> bool:
    return cls is RawPayload or has_words(cls)


def _tag(cls: type) -> str:
    return "anything" if cls is RawPayload else f"<{codec_of(cls).tag}>"
