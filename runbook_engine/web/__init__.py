"""The dashboard: pages over the journal in a browser, and the answers that people give there."""
