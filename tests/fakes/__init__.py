"""In-memory stand-ins for the ports. They pass the contract suite that the real adapters pass."""
