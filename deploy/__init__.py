"""What is needed to run the product for real: images, manifests, dashboards, alerts."""
