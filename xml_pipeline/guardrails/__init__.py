"""Guardrails: plug-ins with an opinion on what agents are shown, say, and call.

``xml_pipeline.guarding`` says what one is.
"""
