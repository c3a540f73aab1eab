"""INI files become validated models, and every error names its line."""
