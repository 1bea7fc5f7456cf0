"""What latents are good for: embedding, traversal, maps, neighbours, oddities, denoising.

Each use is one module; the command line is ``astroae explore``.  They need the extra
``explore`` (scikit-learn, matplotlib), which is imported where it is used.
"""
