"""What to show and what to change: pure functions over manifests as the Kubernetes API gives them."""
