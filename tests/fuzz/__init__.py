"""Tests that call every HTTP route with whatever can be sent, and want no answer that says the server failed."""
