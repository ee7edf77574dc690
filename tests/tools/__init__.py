"""Tools that check deployment files: fetched by lock files, kept outside the repository."""
