"""What a person who runs Strata unattended is told, and what they were told already."""
