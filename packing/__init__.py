"""What turns the sources into things to install and to read; it is not installed itself."""
