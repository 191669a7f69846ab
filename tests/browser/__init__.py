"""The pages in a real Chromium, served by real nodes: flows by click and by key, every page checked by axe."""
