"""The broker's pure decisions: who calls, what stands, what follows, and all of it made again."""
