"""The auditor's pages: the log to browse, one exchange as a timeline, each entry with its proof, and how to replay."""
