"""An agency's own systems, read and never written: the port, one file per kind of system, and the mapping between."""
