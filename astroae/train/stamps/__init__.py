"""Lists of the stamps that the recipes are trained on and measured with."""
