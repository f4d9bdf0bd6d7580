"""How each element is written for other libraries. One file an element, apart from those that results are made by."""
