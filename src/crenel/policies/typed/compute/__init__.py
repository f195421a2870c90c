"""Instances, volumes, Auto Scaling groups, load balancers, functions."""
