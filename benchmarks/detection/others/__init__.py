"""Programs that run in environments of other libraries: windows from Parquet files in, alarms as JSON out."""
