"""Grafana dashboards, made by `python -m deploy.grafana` from the modules here; the JSON is kept beside them."""
