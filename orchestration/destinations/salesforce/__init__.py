"""Records of Salesforce, and members of its campaigns."""
