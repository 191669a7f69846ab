"""One module at a time: values in, values out."""
