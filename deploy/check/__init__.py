"""The checks behind `make deploy-check`: what can be known of images and manifests without starting them."""
