"""Where audiences are delivered: one folder per destination, the same files in each."""
