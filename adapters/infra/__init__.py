"""NATS, key files, clock, logs, files: imported by composition only."""
