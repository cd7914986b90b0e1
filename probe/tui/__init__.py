"""Terminal UI: reads a run's journal and sends commands to the run; it never tests anything itself."""
