"""The middle: authenticates, decides, records and routes; it never sees a record and stores none."""
