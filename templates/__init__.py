"""The workflows that the product ships with, as YAML with open places: `schemas.templates` reads them."""
