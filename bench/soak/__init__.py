"""The long acceptance runs."""
