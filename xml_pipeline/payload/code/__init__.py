"""Generated code: a reader and a writer for each payload class."""
