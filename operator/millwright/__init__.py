"""Millwright: a Kubernetes-native MLOps platform made of operators."""

__version__ = "0.1.0"
