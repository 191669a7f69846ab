"""The language of the federation: shapes, bytes, signatures, registry. Pure; it imports nothing else of ours."""
