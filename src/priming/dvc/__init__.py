"""Results of a study in DVC: the pipeline and the remote."""
