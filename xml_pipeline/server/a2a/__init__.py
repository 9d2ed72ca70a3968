"""The organism as an A2A server: listeners that are exposed are agents."""
