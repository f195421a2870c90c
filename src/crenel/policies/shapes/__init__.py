"""The options of filters as data, and the JSON Schema of policy files that is made of them."""
