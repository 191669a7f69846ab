"""What all pages share, whoever serves them: layout, texts, assets, sessions, headers. Knows nothing of exchanges."""
