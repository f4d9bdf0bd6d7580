"""The results of a study and the jobs that build them: graph, parameters, code, recipes and DVC stages."""
