"""Members of a Mailchimp audience, or those of its members who carry a tag."""
