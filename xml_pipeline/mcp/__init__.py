"""MCP: the tools of other programs as listeners, and our listeners as tools of others."""
