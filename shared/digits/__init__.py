"""The worked example: the classical family on small images; nothing else in shared imports it."""
