"""Sequence labelling: how sure the tags of the words of a sentence are, by a probe or by a model that tags."""
