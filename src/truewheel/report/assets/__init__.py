"""The template, style and script of the page that shows a plan."""
