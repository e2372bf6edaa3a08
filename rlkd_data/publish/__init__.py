"""Tables to a Hub data set: what is published, what is refused, the card, the folder, the push."""
