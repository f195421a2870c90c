"""Where snapshots live: typed Parquet files and a manifest, readable by any tool."""
