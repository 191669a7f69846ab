"""The command groups of `handschlag`, one file each, thin over the packages."""
