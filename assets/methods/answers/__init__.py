"""Answers: does an answer belong to its prompt, is it whole, in order and its own? Learned from the pool, no labels.

What belongs here: damaged answers made of the pool's own (`damage`), what the words (`statistics`, `wording`,
`correspondence`) and the characters (`shapes`) tell, and the score (`quality`).
"""
