"""What must hold for every input, tried on inputs that Hypothesis draws."""
