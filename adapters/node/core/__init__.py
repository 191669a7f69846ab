"""What a node decides, as values in and values out."""
