"""Energy tables: what each action costs."""
