"""The log without its disk: trees, proofs, checkpoints, and the state that its entries add up to."""
