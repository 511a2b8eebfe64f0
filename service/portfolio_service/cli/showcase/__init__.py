"""What `portfolio-engine demo` shows: a real service, the documented workflow, tables and pictures."""
