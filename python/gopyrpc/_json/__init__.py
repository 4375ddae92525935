"""Python values as the JSON of JSON.md."""
