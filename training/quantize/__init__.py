"""Fine-tuning with fake quantization: the network learns with the rounding that int8 will do to it.

layers.py has the layers that round, graph.py puts them into a trained network, tune.py trains it and writes it.
Source: Jacob et al. 2018, arXiv:1712.05877.
"""
