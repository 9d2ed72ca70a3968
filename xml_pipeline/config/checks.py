"""What no single section can know: whether the parts of an organism file fit together.

The checks read plain data, so that they also run, and report, when the models refuse a part
of it. Whatever has the wrong shape is passed over here: the models speak of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xml_pipeline import names
from xml_pipeline.config.document import Document, Finding, texts, value_at
from xml_pipeline.config.organism import PORTS_DIFFER, TOKENS_DIFFER, OrganismConfig
from xml_pipeline.config.profiles import PROFILES
from xml_pipeline.config.source import KeyPath

CONDITIONS: tuple[tuple[str, ...], ...] = (
    ("until",),
    *(
        ("steps", *item, "after", *way, sort)
        for item in ((), ("*",))
        for way in ((), ("*",))
        for sort in ("when", "unless")
    ),
)
"""Where conditions stand in a listener: a lone step or way needs no list."""

STRATEGY = ("orchestration", "strategy")
"""Where a listener names who decides on its tasks."""

IMPORTS = (
    ("listeners", "*", "payload_class", "*"),
    ("listeners", "*", "handler"),
    ("listeners", "*", "output_class"),
    *(("listeners", "*", *each, "function") for each in CONDITIONS),
    ("listeners", "*", *STRATEGY),
    ("pipeline", "envelope", "*"),
    ("pipeline", "delivery", "*"),
)
"""Where import paths stand."""

REACHED_BY = ("name", "group", "agent", "broadcast")
"""What tells whether a listener is meant to be somebody's peer."""

_GLOB = frozenset("*?[")


def problems(document: Document) -> Iterator[Finding]:
    """Yield what makes the file unusable."""
    yield from _contradictions(document)
    yield from _names_taken(document)
    yield from _unknown_peers(document)
    yield from _unknown_tools(document)
    yield from _unknown_profiles(document)
    yield from _foreign_imports(document)
    yield from _locked_doors(document)


def oddities(document: Document) -> Iterator[Finding]:
    """Yield what is allowed, but most likely not meant."""
    yield from _needless_peers(document)
    yield from _forgotten_listeners(document)


def unknown_steps(document: Document) -> Iterator[Finding]:
    """Yield steps that are no listener; no group is one, for each step gives one answer.

    Whoever draws listeners asks for this: so a step that is unknown hides nothing of the others.
    """
    known = {name for _, name in texts(document.data, "listeners", "*", "name")}
    known.update(a2a_agents(document))
    servers = set(mcp_servers(document))
    for at, said in document.listeners():
        for path, step in _steps(document, at):
            if step == said.get("name"):
                yield Finding(path, "it cannot be a step of itself")
            elif step not in known and servers.isdisjoint(_beginnings(step)):
                hint = names.did_you_mean(step, sorted(known))
                yield Finding(path, f'there is no listener "{step}"', hint)


def named_imports(document: Document) -> Iterator[tuple[KeyPath, names.ImportPath]]:
    """Yield what the file names to be imported, allowed or not."""
    for pattern in (*IMPORTS, *sources_of(document)):
        for path, text in document.texts(*pattern):
            if pattern[-1] != "handler" or not names.plugin_handler(text):
                yield path, names.import_path(text)


def allowed_packages(document: Document) -> tuple[str, ...]:
    """Return the packages below which imports may lie, as far as they can be read."""
    if not isinstance(document.data, dict) or "allow_imports" not in document.data:
        return OrganismConfig().allow_imports
    written = [text for _, text in texts(document.data, "allow_imports", "*")]
    return tuple(each for each in written if _is_package(each))


def _is_package(text: str) -> bool:
    try:
        names.package_name(text)
    except ValueError:
        return False
    return True


def _contradictions(document: Document) -> Iterator[Finding]:
    """Older and newer names that differ; the models compare them in sections without mistakes."""
    tokens = _numbers(document, ("budget", "tokens"), ("max_tokens_per_thread",))
    ports = _numbers(document, ("server", "port"), ("organism", "port"))
    if len(tokens) > 1:
        yield Finding(("max_tokens_per_thread",), TOKENS_DIFFER)
    if len(ports) > 1:
        yield Finding(("server",), PORTS_DIFFER)


def _numbers(document: Document, *paths: KeyPath) -> set[int]:
    """Return the different whole numbers, not refused, that stand at these paths."""
    found = (value_at(document.data, path) for path in paths if not document.doubts(*path))
    return {each for each in found if type(each) is int}


def _names_taken(document: Document) -> Iterator[Finding]:
    """Names and groups share one space, and differ by more than capitals."""
    taken: dict[str, KeyPath] = {}
    for path, name in _named(document):
        first = taken.setdefault(name.lower(), path)
        if first != path:
            line = document.source.place(first).line
            yield Finding(path, f'"{name}" is already the listener of line {line}')
    for path, name in _named(document):
        if server := next((x for x in mcp_servers(document) if x in _beginnings(name)), None):
            yield Finding(path, f'names like this belong to the MCP server "{server}"')
    for path, group in document.texts("listeners", "*", "group"):
        if group.lower() in taken:
            line = document.source.place(taken[group.lower()]).line
            yield Finding(path, f'the group "{group}" is also the listener of line {line}')


def _named(document: Document) -> Iterator[tuple[KeyPath, str]]:
    """Yield the names of listeners, and of agents elsewhere, which are listeners too."""
    yield from document.texts("listeners", "*", "name")
    yield from ((("a2a", "agents", each), each) for each in a2a_agents(document))


def _unknown_peers(document: Document) -> Iterator[Finding]:
    known, servers = _addressees(document), set(mcp_servers(document))
    for path, peer in document.texts("listeners", "*", "peers", "*"):
        if peer not in known and servers.isdisjoint(_beginnings(peer)):
            hint = names.did_you_mean(peer, sorted(known - {"*"}))
            yield Finding(path, f'there is no listener or group "{peer}"', hint)


def unknown_parts(document: Document, parts: Iterable[str]) -> Iterator[Finding]:
    """Yield peers that should be parts of an MCP server, and are none of ``parts``."""
    servers, known = set(mcp_servers(document)), sorted(parts)
    for path, peer in document.texts("listeners", "*", "peers", "*"):
        if peer not in (*known, *servers) and not servers.isdisjoint(_beginnings(peer)):
            hint = names.did_you_mean(peer, known)
            yield Finding(path, f'no "{peer}" is approved', hint)


def mcp_servers(document: Document) -> tuple[str, ...]:
    """Return the names of the MCP servers, as far as they can be read."""
    servers = value_at(document.data, ("mcp", "servers"))
    return tuple(map(str, servers)) if isinstance(servers, dict) else ()


def sources_of(document: Document) -> tuple[tuple[str, ...], ...]:
    """Return where servers name who knows the tokens of users."""
    servers = mcp_servers(document)
    return tuple(("mcp", "servers", each, "auth", "subject_source") for each in servers)


def a2a_agents(document: Document) -> tuple[str, ...]:
    """Return the names of the agents elsewhere, as far as they can be read."""
    agents = value_at(document.data, ("a2a", "agents"))
    return tuple(map(str, agents)) if isinstance(agents, dict) else ()


def _beginnings(name: str) -> Iterator[str]:
    """Yield a dotted name, and all that it begins with."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _steps(document: Document, at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield the names of the listeners that a flow asks."""
    yield from document.texts(*at, "steps", "*")
    for item in ((), ("*",)):
        asked = {path[:-1]: each for path, each in document.texts(*at, "steps", *item, "listener")}
        yield from (((*path, "listener"), each) for path, each in asked.items())
        for path, each in document.texts(*at, "steps", *item, "name"):
            if path[:-1] not in asked:
                yield path, each


def _unknown_tools(document: Document) -> Iterator[Finding]:
    """Rules that would never fit: they name neither a listener nor a pattern of names."""
    known = {text for _, text in texts(document.data, "listeners", "*", "name")}
    known.update(names.ADDRESSABLE)
    for at in (("permissions",), ("listeners", "*", "permissions")):
        for path, tool in document.texts(*at, "*", "tool"):
            if tool not in known and not _GLOB.intersection(tool):
                hint = names.did_you_mean(tool, sorted(known))
                yield Finding(path, f'there is no listener "{tool}" that could be called', hint)


def _unknown_profiles(document: Document) -> Iterator[Finding]:
    """Profiles that are not there, that are there already, or in which somebody is not there."""
    own = value_at(document.data, ("profiles",))
    own = own if isinstance(own, dict) else {}
    known = sorted({*PROFILES, *map(str, own)})
    for path, profile in document.texts("listeners", "*", "profile"):
        if profile not in known:
            hint = names.did_you_mean(profile, known)
            yield Finding(path, f'there is no profile "{profile}"', hint)
    for profile in PROFILES.keys() & own.keys():
        yield Finding(("profiles", profile), f'"{profile}" is there already: choose another name')
    there, servers = _addressees(document), set(mcp_servers(document))
    for path, name in (found for each in own for found in document.texts("profiles", each, "*")):
        is_pattern = ":" in name or not _GLOB.isdisjoint(name)
        if not is_pattern and name not in there and servers.isdisjoint(_beginnings(name)):
            hint = names.did_you_mean(name, sorted(there - {"*"}))
            yield Finding(path, f'there is no listener or group "{name}"', hint)


def _addressees(document: Document) -> set[str]:
    """Return whom a peer may be, whatever else is wrong with their names."""
    written = (texts(document.data, "listeners", "*", key) for key in ("name", "group"))
    return {
        "*",
        *names.ADDRESSABLE,
        *a2a_agents(document),
        *(name for found in written for _, name in found),
    }


def _foreign_imports(document: Document) -> Iterator[Finding]:
    """Import paths lie below ``allow_imports``, unless nothing in that can be read."""
    allowed = allowed_packages(document)
    if not allowed and document.doubts("allow_imports"):
        return
    for path, found in named_imports(document):
        if found.prefix(allowed) is None:
            yield Finding(path, *_not_allowed(found, allowed))


def _not_allowed(found: names.ImportPath, allowed: Iterable[str]) -> tuple[str, str]:
    """Return the refusal and the next step for an import from elsewhere."""
    package = found.module.partition(".")[0]
    hint = names.did_you_mean(package, allowed) or "a package of yours goes into `allow_imports`"
    return f'"{found}" is not below {" or ".join(allowed) or "any package"}', hint


def _locked_doors(document: Document) -> Iterator[Finding]:
    """Signatures are required, and there is no key that one could be checked with."""
    data = document.data
    if not isinstance(data, dict) or data.get("trusted_keys"):
        return
    for path, section in (((), data), *document.listeners()):
        if section.get("require_signature") is True:
            text = "nobody outside could be heard: `trusted_keys` names no sender"
            yield Finding((*path, "require_signature"), text)


def _needless_peers(document: Document) -> Iterator[Finding]:
    for at, said in document.listeners():
        before: set[str] = set()
        for path, peer in document.texts(*at, "peers", "*"):
            if peer == said.get("name"):
                yield Finding(path, "every listener may address itself: no need to list it")
            elif peer in before:
                yield Finding(path, f'"{peer}" is listed twice')
            before.add(peer)


def _forgotten_listeners(document: Document) -> Iterator[Finding]:
    """In an organism with peers, a listener that has none itself, and is nobody's peer.

    Senders outside still reach it by name, so it may be meant. A misspelt peer lists whoever
    was meant by it.
    """
    listed = set(_listed(document))
    for at, said in document.listeners():
        is_clear = not any(document.doubts(*at, key) for key in REACHED_BY)
        is_leaf = not any(map(said.get, ("peers", "agent", "broadcast", "steps", "expose")))
        found_by = {"*", said.get("name"), said.get("group")}
        if listed and is_clear and is_leaf and listed.isdisjoint(found_by):
            text = "nobody lists it as a peer: only senders outside can reach it"
            yield Finding((*at, "name"), text)


def _listed(document: Document) -> Iterator[str]:
    """Yield the peers that listeners list, but for themselves."""
    known = _addressees(document)
    for at, said in document.listeners():
        for _, peer in texts(document.data, *at, "peers", "*"):
            if peer != said.get("name"):
                yield peer if peer in known else names.most_like(peer, known) or peer
        yield from (step for _, step in _steps(document, at))
