"""The two forges: starting pipelines, following them, and telling people what came of them."""
