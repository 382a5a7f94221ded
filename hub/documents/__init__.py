"""What the API's bodies look like: pydantic models, a file for each noun. The web app has them in `api/types`."""
