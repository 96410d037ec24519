"""One module per real thing behind a port."""
