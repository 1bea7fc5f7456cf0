"""Integer networks: the same bits on every machine."""
