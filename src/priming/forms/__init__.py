"""What a task is: how its rows are encoded, its loss, its predictions."""
