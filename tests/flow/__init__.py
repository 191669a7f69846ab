"""Whole exchanges in a small world: agencies, broker and ledger in one process."""
