"""How fast it is, measured on this machine by `make bench`; not collected by pytest."""
