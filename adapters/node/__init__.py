"""The edge: what runs next to an agency."""
