"""actions/aws."""
