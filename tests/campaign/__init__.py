"""The reliability campaign: the operator's own process between proxies that inject faults by a seeded plan.

Real: API server with etcd, garbage collection, Job and Deployment controllers, MLflow, the S3 gateway, the operator and
`kill -9`. Played: the kubelet with what runs in pods, and the users. See docs/campaign.md.
"""
