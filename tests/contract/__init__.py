"""One suite per port, run on its fake and on the real thing."""
