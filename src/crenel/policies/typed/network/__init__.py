"""VPCs, routes, security groups, flow logs."""
