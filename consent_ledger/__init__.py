"""One ordered, signed, verifiable log, and what it proves; it knows nothing of the broker or the nodes."""
