"""Millwright: a Kubernetes-native MLOps platform made of operators."""
