"""The API's routes, a module for each noun; each has a `router`, which `hub.app` finds by itself."""
