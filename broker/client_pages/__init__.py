"""The client's pages: who saw what under a consent or notice, in the client's language, and how to stop it."""
