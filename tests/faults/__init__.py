"""Each step made to fail once; what must then still hold."""
