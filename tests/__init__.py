"""The tests of Handschlag; a package, so that tests can share what stands in `tests.support`."""
