"""Did the science survive?  Measures of what compression did to an image."""
