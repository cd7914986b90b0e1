"""The secure-by-design probe: does an IoT device meet minimum security requirements?"""

__version__ = "0.1.0"
