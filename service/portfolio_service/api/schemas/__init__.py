"""Request and response schemas; the HTTP face of the domain's values."""
