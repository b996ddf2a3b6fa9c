"""`strata doctor`: looks at an installation, says what to do, and changes nothing."""
