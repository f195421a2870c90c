"""`crenel detect`: log files through rules, alerts out."""
