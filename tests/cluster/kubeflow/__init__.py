"""Kubeflow Pipelines on the cluster: its programs, images and manifests."""
