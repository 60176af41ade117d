"""What people ask about a cell besides its gradients: counts, shapes, dependence, exact values, spectra,
flow.

Each question is a function that returns frozen data; how it looks is decided above, in the emitters and
drawings.
"""
