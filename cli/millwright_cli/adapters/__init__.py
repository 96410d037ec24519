"""The real Kubernetes API and MLflow."""
