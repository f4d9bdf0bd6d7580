"""Tables of results that documents quote: kept with what they were made from, and written into the documents by a command."""
