"""Changing one value of a configuration file; what stands around it stays byte for byte."""
