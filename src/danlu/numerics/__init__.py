"""Mathematics that two methods share, each with its source."""
