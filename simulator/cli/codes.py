"""Exit statuses: success, a failed check (or a bug), bad input, interrupted, nobody reads the output any more."""

SUCCESS, FAILED_CHECK, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
