"""`normalize`: the same text with one kind of line ends."""
