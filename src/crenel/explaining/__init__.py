"""What a policy means and what a finding says, for people: one structure for the terminal, HTML, SARIF and the docs."""
