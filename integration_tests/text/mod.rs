//! JSONL and CSV: every value of whole syncs, and the options of CSV.

// Delimiters, quoting, headers and nulls of CSV.
mod csv_options;
// Captured syncs and interleaved streams, record by record.
mod formats;
// Values that writers tend to change, and fields with odd names.
mod values;
