"""What stands between a browser and the pages: addresses, sessions, tokens, and how often one may try."""
