"""From the text of an INI file to validated models, each error with its line."""
