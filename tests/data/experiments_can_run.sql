-- A wrong experiment stops a run with a message: the rows that a test finds are not shown.
{{ refuse_wrong_experiments() }}
