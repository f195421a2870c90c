"""What AWS is, as data: resource types declared in `aws/*.yaml`, their columns taken from botocore's models."""
