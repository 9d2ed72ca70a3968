"""Agents: listeners that think with a language model, one turn a message."""
