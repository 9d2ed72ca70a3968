"""What an organism remembers: listeners, threads, budgets, prompts, context, todos."""
