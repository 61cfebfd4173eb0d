"""Language models as judges of conversations: what they make of each response, with and without what led to it."""
