"""Programs that know nothing of Danlu: how they are run, and where their metrics are read."""
