"""What the models take, and what they make of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from xml_pipeline.config import (
    BackendConfig,
    BudgetConfig,
    LLMBackendConfig,
    OrganismConfig,
    OrganismInfo,
    RetryConfig,
    ServerConfig,
)
from xml_pipeline.config.listener import ListenerConfig


def test_an_organism_that_says_nothing_has_every_default() -> None:
    config = OrganismConfig()
    assert config.organism.name == "unnamed"
    assert config.thread_scheduling == "breadth-first"
    assert (config.max_concurrent_handlers, config.max_concurrent_per_agent) == (20, 5)
    assert config.max_concurrent_pipelines == 32
    budget = config.budget
    assert (budget.tokens, budget.hops, budget.messages) == (100_000, 50, 10_000)
    assert budget.seconds is None
    assert budget.usd is None
    assert (config.limits.waiting_messages, config.limits.waiting_bytes) == (10_000, 64 << 20)
    assert (config.limits.message_bytes, config.limits.context_slots) == (1 << 20, 10_000)
    assert config.allow_imports == ("handlers", "organisms", "xml_pipeline")
    assert (config.server.bind, config.server.port) == ("127.0.0.1", 8765)
    assert config.server.token_env == "XML_PIPELINE_TOKEN"
    assert (config.backend.type, config.backend.redis_prefix) == (None, "xp:")
    assert (config.llm.strategy, config.llm.retries) == ("failover", 3)
    assert config.listeners == ()


def test_a_listener_has_its_defaults() -> None:
    listener = ListenerConfig(name="a", description="b", handler="tools:shell")
    assert listener.timeout == 30.0
    assert listener.max_deliveries == 5
    assert listener.peers == ()
    assert not any([listener.agent, listener.broadcast, listener.cpu_bound])
    assert (listener.retry.base_delay, listener.retry.max_delay) == (1.0, 60.0)


def test_a_configuration_cannot_be_changed() -> None:
    config = OrganismConfig()
    with pytest.raises(ValidationError):
        config.max_concurrent_handlers = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.budget.tokens = 1  # type: ignore[misc]


def test_the_older_name_of_the_token_budget_sets_it() -> None:
    assert OrganismConfig(max_tokens_per_thread=7).budget.tokens == 7


def test_the_older_name_leaves_the_rest_of_the_section_as_it_is() -> None:
    budget = OrganismConfig(max_tokens_per_thread=7, budget=BudgetConfig(hops=3)).budget
    assert (budget.tokens, budget.hops) == (7, 3)


def test_the_older_name_may_repeat_the_newer_one() -> None:
    config = OrganismConfig(max_tokens_per_thread=7, budget=BudgetConfig(tokens=7))
    assert config.budget.tokens == 7


def test_the_older_name_may_not_contradict_the_newer_one() -> None:
    with pytest.raises(ValidationError, match=r"differs from `budget\.tokens`"):
        OrganismConfig(max_tokens_per_thread=7, budget=BudgetConfig(tokens=8))
    with pytest.raises(ValidationError, match=r"differs from `organism\.port`"):
        OrganismConfig(organism=OrganismInfo(port=7), server=ServerConfig(port=8))


def test_the_port_of_the_organism_is_that_of_the_server() -> None:
    assert OrganismConfig(organism=OrganismInfo(port=7)).server.port == 7
    given = OrganismConfig.model_validate({"organism": {"port": 7}, "server": {"bind": "::1"}})
    assert (given.server.bind, given.server.port) == ("::1", 7)


def test_one_payload_class_is_a_list_of_one() -> None:
    one = ListenerConfig.model_validate(
        {"name": "a", "description": "b", "payload_class": "handlers.a:B", "agent": True}
    )
    assert one.payload_class == ("handlers.a:B",)


def test_a_listener_without_a_handler_must_be_an_agent() -> None:
    assert ListenerConfig(name="a", description="b", agent=True).handler is None
    with pytest.raises(ValidationError, match=r"handler\s.*is missing; only an"):
        ListenerConfig(name="a", description="b")


@pytest.mark.parametrize("handler", ["handlers.a:b", "tools:shell"])
def test_a_handler_may_tell_by_itself_which_payload_it_takes(handler: str) -> None:
    assert ListenerConfig(name="a", description="b", handler=handler).payload_class == ()


@pytest.mark.parametrize("description", ["", " ", "\n"])
def test_a_listener_has_to_say_what_it_does(description: str) -> None:
    with pytest.raises(ValidationError, match="must say something"):
        ListenerConfig(name="a", description=description, agent=True)


def test_postgres_needs_to_be_told_where_it_is() -> None:
    assert BackendConfig(type="postgres", dsn="postgresql:///x").dsn
    with pytest.raises(ValidationError, match="dsn"):
        BackendConfig(type="postgres")


def test_delays_between_retries_grow_towards_their_limit() -> None:
    with pytest.raises(ValidationError, match="is shorter than"):
        RetryConfig(base_delay=2.0, max_delay=1.0)
    with pytest.raises(ValidationError, match="is shorter than"):
        OrganismConfig.model_validate({"llm": {"retry_base_delay": 2.0, "retry_max_delay": 1.0}})


def test_secrets_do_not_show_when_a_configuration_is_printed() -> None:
    config = OrganismConfig.model_validate(
        {
            "backend": {"redis_url": "redis://:canary@h", "dsn": "canary", "url": "canary"},
            "llm": {"backends": [{"provider": "openai", "api_key": "canary"}]},
        }
    )
    assert "canary" not in repr(config)
    key = LLMBackendConfig.model_validate({"provider": "a", "api_key": "canary"}).api_key
    assert key is not None
    assert key.get_secret_value() == "canary"


def test_what_is_refused_is_not_quoted_in_the_error() -> None:
    with pytest.raises(ValidationError) as refusal:
        OrganismConfig.model_validate({"llm": {"backends": [{"api_key": ["canary"]}]}})
    assert "canary" not in str(refusal.value)
