"""Chapter 15, trials: watches and policies of retraining, played where the truth or the money is known.

`injection` changes a simulated market on a known day, `trial` counts how soon that is seen, `trees` is the small model
that is played with, `retraining` plays policies week by week, `explanation` compares the reasons of two models and
`verdicts` says what was found.
"""
