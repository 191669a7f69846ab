"""The pages of a node: what caseworkers, those who release, and the data protection officer see."""
