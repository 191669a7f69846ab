"""Every guard is taken out of a copy of the code, one at a time, and a test must fall: `python -m tests.guards`."""
