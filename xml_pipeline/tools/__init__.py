"""Tools: listeners with which agents, sequences and people do something in the world.

Each module with a function ``configured`` is one: ``handler: tools:read``. What it answers is a
payload of its own, or ToolError with words for whoever asked.
"""
