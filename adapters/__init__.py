"""What touches something outside the process: the node, agencies' sources, the infrastructure."""
