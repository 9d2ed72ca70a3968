"""Which test proves which requirement of security."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """Something that must hold, by its number, and the tests that prove it.

    ``missing`` says what of it is not built; without tests that is all of it.
    """

    id: str
    about: str
    tests: tuple[str, ...] = ()
    missing: str = ""


def tests_in(file: str, *names: str) -> tuple[str, ...]:
    """Name tests of one file."""
    return tuple(f"tests/{file}.py::test_{name}" for name in names)


SECURITY = (
    Proof(
        "S1",
        "what the pump stamps, nobody can write",
        tests_in(
            "flows/test_trust",
            "of_a_thousand_forged_envelopes_none_is_accepted_as_written",
            "only_the_pump_says_what_the_pump_says",
            "an_envelope_that_a_handler_writes_is_only_text",
        ),
    ),
    Proof(
        "S2",
        "to know a thread is not to be allowed in it",
        tests_in(
            "flows/test_trust",
            "ten_thousand_stolen_guessed_and_replayed_threads_open_nothing",
            "a_closed_thread_and_one_that_never_was_are_refused_in_the_same_words",
        ),
    ),
    Proof(
        "S3",
        "a listener reaches its peers and nobody else",
        tests_in(
            "flows/test_peers",
            "each_of_twenty_reaches_exactly_whom_it_lists",
            "an_answer_and_an_error_reach_the_caller_and_nobody_else",
        )
        + tests_in(
            "primitives/test_reach",
            "a_message_arrives_through_primitives_only_if_every_name_on_its_way_is_a_peer",
        )
        + tests_in(
            "mcp/test_reach", "each_of_twenty_reaches_exactly_whom_it_lists_when_asked_over_mcp"
        )
        + tests_in(
            "a2a/test_reach", "each_of_twenty_reaches_exactly_whom_it_lists_when_asked_over_a2a"
        ),
    ),
    Proof(
        "S4",
        "markup in a handler's text stays text",
        tests_in(
            "flows/test_injection",
            "a_thousand_markup_injections_arrive_as_the_text_they_are",
            "naughty_strings_arrive_as_they_are_or_are_refused",
            "payloads_that_a_handler_writes_side_by_side_are_each_checked_alone",
        ),
    ),
    Proof(
        "S5",
        "limits come before parsing",
        tests_in(
            "flows/test_xml_limits",
            "what_is_hostile_is_refused_within_fifty_milliseconds",
            "what_a_file_outside_holds_is_never_part_of_a_payload",
        ),
    ),
    Proof(
        "S6",
        "signatures fail closed",
        tests_in(
            "security/test_signatures",
            "an_attack_is_refused_with_one_fault_and_heard_by_nobody",
            "where_signatures_are_no_duty_a_bad_one_is_refused_all_the_same",
            "an_envelope_is_heard_once_whoever_brings_it",
            "no_flipped_bit_changes_what_is_believed",
        ),
    ),
    Proof("S7", "JWT", missing="JWT"),
    Proof("S8", "tenants see nothing of each other", missing="tenants outside"),
    Proof(
        "S9",
        "nothing from outside is unpickled",
        tests_in("backends/test_redis", "a_pickle_in_any_key_is_only_bytes")
        + tests_in(
            "dispatch/test_pool",
            "a_pickle_in_the_pipe_is_never_loaded",
            "a_pickle_for_a_worker_is_never_loaded_either",
        )
        + tests_in("house/test_data_is_never_code", "no_data_is_executed_anywhere"),
    ),
    Proof(
        "S10",
        "the file runs no foreign code, and cannot blow up",
        tests_in("assembly/test_foreign_code", "foreign_code_is_refused_before_it_is_imported")
        + tests_in("config/test_imports", "a_linked_module_is_refused_before_it_is_run")
        + tests_in(
            "config/test_reading_yaml",
            "a_file_that_would_blow_up_is_refused",
            "a_key_that_is_written_twice_is_refused",
        ),
    ),
    Proof(
        "S11",
        "a file tool stays below its root",
        tests_in(
            "tools/test_beneath",
            "a_part_that_becomes_a_link_meanwhile_is_never_followed",
            "nothing_is_written_through_a_link_that_comes_meanwhile",
            "twenty_thousand_ways_out_lead_nowhere",
            "what_is_no_file_is_an_error_in_words",
        ),
    ),
    Proof(
        "S12",
        "a shell tool stays in its sandbox",
        tests_in(
            "tools/test_sandbox",
            "there_is_no_way_out",
            "nothing_is_left_running",
            "what_takes_too_long_is_ended_with_all_that_it_started",
            "commands_are_enclosed_as_wanted_or_not_run_at_all",
        ),
    ),
    Proof(
        "S13",
        "a fetching tool reaches nothing inside",
        tests_in(
            "tools/test_web",
            "an_address_that_is_not_of_the_internet_is_not_reached",
            "no_way_of_writing_a_host_leads_to_this_machine",
            "a_name_that_means_another_address_the_next_time_leads_nowhere",
            "a_redirect_leads_nowhere_else",
            "what_cannot_be_told_is_an_error_in_words",
        ),
    ),
    Proof(
        "S14",
        "secrets are in no output",
        tests_in(
            "security/test_redaction",
            "nearly_every_key_of_a_usual_format_is_found",
            "what_is_no_secret_stays_the_very_same_text",
            "a_known_value_is_found_however_it_is_written",
            "what_only_begins_like_a_key_comes_to_an_end",
        )
        + tests_in("security/test_canary", "a_secret_that_is_everywhere_gets_out_nowhere")
        + tests_in(
            "llm/test_discreet",
            "every_text_of_a_request_is_redacted",
            "the_key_travels_in_the_header_and_nowhere_else",
        ),
        missing="personal data",
    ),
    Proof(
        "S15",
        "retrieved text is data",
        tests_in(
            "guardrails/test_data_marking",
            "no_text_closes_its_own_mark",
            "results_are_marked_and_errors_too",
        )
        + tests_in("agents/test_guarded", "a_call_that_is_refused_is_an_error_and_reaches_nobody")
        + tests_in(
            "security/test_obedience",
            "no_order_that_it_reads_has_an_effect_and_its_own_task_is_done",
            "the_orders_are_real_where_nothing_stands_against_them",
        ),
    ),
    Proof(
        "S16",
        "an MCP client believes no server",
        tests_in(
            "mcp/test_trust",
            "a_tool_that_is_described_otherwise_is_not_called_until_that_is_approved",
            "a_tool_takes_the_name_of_no_other_listener",
            "an_oversized_definition_is_refused",
            "a_schema_that_leads_elsewhere_is_refused_and_nothing_is_fetched",
            "a_list_without_end_is_refused",
            "what_models_are_told_of_a_tool_has_nothing_that_a_terminal_obeys",
            "a_program_sees_nothing_of_our_environment",
        ),
    ),
    Proof(
        "S17",
        "the HTTP server knows its own names, and waits for nobody",
        tests_in(
            "server/test_gate",
            "other_names_are_not_answered",
            "pages_of_other_sites_are_refused",
        )
        + tests_in(
            "server/test_serving",
            "a_request_whose_head_does_not_come_is_not_waited_for",
            "one_connection_too_many_is_ended_and_the_others_stay",
        )
        + tests_in(
            "server/test_websocket", "a_frame_beyond_the_limit_closes_the_socket_and_no_other"
        )
        + tests_in("mcp/test_server", "nobody_gets_in_without_the_token_or_from_elsewhere")
        + tests_in("a2a/test_server", "nobody_gets_in_without_the_token_or_from_elsewhere"),
    ),
    Proof(
        "S18",
        "budgets and hops end what would not end",
        tests_in("audit/test_orders", "a_loop_that_the_hop_limit_ends_is_written_down")
        + tests_in(
            "flows/test_growth",
            "agents_that_answer_each_other_for_ever_are_stopped_with_one_fault",
            "a_fan_out_that_doubles_at_every_step_is_stopped_by_the_number_of_messages",
        )
        + tests_in(
            "flows/test_spending",
            "a_hundred_spend_at_once_and_the_books_balance_however_they_end",
        ),
    ),
    Proof(
        "S19",
        "no pattern costs more than it should",
        tests_in("payload/test_patterns", "expressions_that_kill_a_backtracker_cost_little")
        + tests_in(
            "tools/test_finding",
            "no_expression_takes_for_ever",
            "a_pattern_that_a_backtracker_never_ends_with_ends",
        ),
    ),
    Proof(
        "S20",
        "JSON means the same to everybody",
        tests_in(
            "server/test_strict_json",
            "every_document_that_is_right_is_read_as_any_reader_reads_it",
            "every_document_that_is_wrong_is_refused",
            "every_document_that_is_wrong_in_its_bytes_is_refused",
            "what_readers_differ_about_or_never_end_with_is_refused",
            "whatever_json_can_say_is_read",
            "what_is_not_plain_json_is_refused_in_our_own_words",
            "any_bytes_are_read_or_refused_and_nothing_else",
        ),
    ),
    Proof(
        "S21",
        "the audit tells of any change",
        tests_in(
            "audit/test_chain",
            "every_flipped_bit_is_found",
            "a_line_that_is_removed_doubled_or_moved_is_found_by_its_neighbours",
            "lines_missing_at_the_end_are_found_by_the_head",
        ),
    ),
    Proof(
        "S22",
        "one call stops what is meant",
        tests_in(
            "security/test_kill_switch",
            "one_call_stops_what_is_meant_and_nothing_else_a_hundred_times",
            "one_call_stops_a_thread_and_what_is_below_it_a_hundred_times",
            "ten_thousand_conversations_stop_within_a_second",
        ),
    ),
    Proof("S23", "supply chain", missing="lock file, SBOM"),
    Proof(
        "S24",
        "an error tells its code and id, and no more",
        tests_in(
            "flows/test_secrecy",
            "what_a_peer_is_told_of_an_error_names_nothing_but_its_code_and_id",
            "what_the_outside_is_told_of_an_error_names_nothing_but_its_code_and_id",
        )
        + tests_in("server/test_refusals", "nobody_is_told_more_than_they_may_know"),
    ),
    Proof(
        "S25",
        "orders are authenticated and written down",
        tests_in(
            "security/test_admin",
            "without_the_token_nothing_is_ordered",
            "what_cannot_be_written_down_is_not_done_and_says_so",
        )
        + tests_in(
            "audit/test_orders", "a_reload_tells_who_comes_and_goes_and_gains_and_loses_peers"
        ),
    ),
    Proof(
        "S26",
        "state is its listener's and its thread's, and bounded",
        tests_in(
            "flows/test_state",
            "a_state_that_is_too_large_fails_the_delivery_and_names_the_key",
        )
        + tests_in(
            "flows/test_reference_faults",
            "calls_over_the_same_path_share_neither_history_nor_todos_and_are_let_go",
        ),
        "memory of agents",
    ),
)
