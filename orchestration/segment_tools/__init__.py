"""Tools of people who add and change segments; none of them publishes anything."""
