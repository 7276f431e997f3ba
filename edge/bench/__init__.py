"""The benchmark: how long each stage takes, how well it answers, and whether a difference is one.

Everything that is timed runs through the loop and the pipeline of `mien run`; what is here only feeds it, keeps its
times and says under which conditions they were taken. docs/BENCHMARKS.md states the rules.
"""
