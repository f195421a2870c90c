"""The dashboard: pages over the lake, made on the server; every page is a query, has a URL, and a twin in JSON."""
