"""What runs in the runner image: compiled Kubeflow pipelines, and the packaging of the models they log.

The interface (command line, environment, termination message) is in docs/contracts.md.
"""
