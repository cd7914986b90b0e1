"""The judge: findings and a catalogue in, verdicts out. Pure, so last year's run can be judged again."""
