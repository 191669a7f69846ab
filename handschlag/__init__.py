"""The command line: the composition root, imported by nobody."""
