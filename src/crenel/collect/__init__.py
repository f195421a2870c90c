"""What reads AWS: accounts and Regions, units of work, one call with paging and retries, rate limits, the spool."""
