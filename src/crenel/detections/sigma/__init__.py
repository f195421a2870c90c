"""Sigma's rules, correlations and filters for AWS CloudTrail → detections, as its specification 2.1 has them."""

from crenel.detections.sigma.files import read_sigma, sigma_of

__all__ = ["read_sigma", "sigma_of"]
