-- An audience divided by an experiment that is not there would hold nobody out.
{{ refuse_unknown_experiments() }}
