"""The expert's functions with everything allocated anew at each call."""
from impls_numpy import Best

rnn_fresh, lstm_fresh, gru_fresh = (Best(cell, reuse=False) for cell in ("rnn", "lstm", "gru"))
