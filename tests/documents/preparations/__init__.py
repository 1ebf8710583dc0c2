"""What a document takes for granted: files of the reader, programs of others; a module each."""
