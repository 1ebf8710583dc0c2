"""Pods, logs and events of a Kubernetes cluster; it can only read."""

__all__: list[str] = []
