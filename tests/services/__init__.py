"""Against real servers: Redis and PostgreSQL, each from a wheel of the `dev` extra."""
