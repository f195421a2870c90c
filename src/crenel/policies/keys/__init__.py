"""What a key names: JMESPath and tags over typed columns, as values of the plan."""
