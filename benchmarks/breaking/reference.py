"""Which test proves that a fault of the reference design is none of ours."""

from __future__ import annotations

from benchmarks.breaking.proofs import Proof, tests_in

_FAULTS = "flows/test_reference_faults"
_AT_WORK = "flows/test_reference_faults_at_work"
_OF_PROCESSES = "flows/test_reference_faults_of_processes"

_SHOWN = (
    (1, "the second conversation is mute", _FAULTS,
     "a_second_conversation_over_the_same_path_is_answered_like_the_first"),
    (2, "several payloads never work", _FAULTS,
     "each_payload_of_a_text_becomes_a_message_and_a_broken_text_becomes_a_fault"),
    (3, "generic listeners are unreachable", _FAULTS,
     "a_generic_listener_is_reached_and_a_sequence_through_it_finishes"),
    (4, "dots in names break replies", _FAULTS, "names_with_dots_are_answered"),
    (5, "errors cannot be delivered", _FAULTS,
     "whoever_sent_it_is_told_of_every_crash_refusal_and_invalid_payload"),
    (6, "a listener is one payload type", _FAULTS,
     "a_listener_takes_several_types_and_each_of_several_has_its_own_schema"),
    (7, "forgery", _FAULTS,
     "a_handler_chooses_neither_its_name_nor_its_thread_nor_whom_it_may_reach"),
    (8, "payloads without fields are malformed", _FAULTS,
     "a_payload_without_fields_or_with_any_words_arrives_as_it_was"),
    (9, "the prompt's example is wrong", _FAULTS,
     "the_example_that_an_agent_is_shown_is_accepted_when_it_is_sent"),
    (10, "every hop is stored twice", _FAULTS, "every_message_is_in_the_context_once"),
    (11, "the path is the identity", _FAULTS,
     "calls_over_the_same_path_share_neither_history_nor_todos_and_are_let_go"),
    (12, "done before handled", _AT_WORK, "drained_means_handled"),
    (13, "shutdown hangs", _AT_WORK,
     "an_organism_with_fifty_queued_ends_and_tells_all_who_wait"),
    (14, "polling", _AT_WORK, "an_idle_organism_is_never_woken"),
    (15, "no bounds, no timeouts", _AT_WORK,
     "stuck_handlers_and_one_that_waits_for_its_own_message_end_in_time"),
    (16, "a busy agent starves the rest", _AT_WORK, "a_busy_agent_does_not_delay_an_idle_one"),
    (17, "targets of one message wait in turn", _AT_WORK,
     "the_targets_of_a_broadcast_run_side_by_side"),
    (18, "settings that are never read", _AT_WORK,
     "the_scheduling_that_is_configured_is_the_order_that_is_seen",
     "the_number_of_pipelines_is_the_most_that_travel_before_others_have_a_turn"),
    (19, "a worker's failure is a success", _OF_PROCESSES,
     "a_worker_that_fails_is_no_success_and_what_was_spent_stays_spent"),
    (20, "the backend is not used; pickle", _OF_PROCESSES,
     "registry_and_context_are_written_to_the_backend_and_nothing_is_pickled"),
    (21, "the journal is empty", _FAULTS,
     "the_journal_gets_the_bytes_first_and_hears_of_the_outputs_once_queued"),
    (22, "budgets are erased", _FAULTS,
     "what_a_conversation_spent_outlives_the_silence_of_a_branch"),
    (23, "half reloads", _FAULTS,
     "a_reload_is_whole_or_not_at_all_and_keeps_what_is_not_of_the_file"),
    (24, "unsigned where signing fails", _OF_PROCESSES,
     "a_key_that_cannot_be_used_stops_the_organism"),
    (26, "errors overwrite errors, events are missed", _FAULTS,
     "the_first_error_is_the_one_that_is_told_and_every_end_is_seen"),
)  # fmt: skip

_ROUTER = Proof(
    "C25",
    "the router of models waits for ever, and asks again in vain",
    tests_in("llm/test_limits", "more_than_the_bucket_holds_waits_for_a_full_one_and_not_for_ever")
    + tests_in("llm/test_failures", "a_refusal_has_a_reason")
    + tests_in("llm/test_router", "a_key_that_is_refused_is_no_reason_to_ask_nobody_else"),
    "a channel out of band",
)

REFERENCE = (
    *(Proof(f"C{number}", about, tests_in(file, *names)) for number, about, file, *names in _SHOWN),
    _ROUTER,
)
