"""The organism as an MCP server: listeners that are exposed are tools."""
