//! JSONL and CSV: every value of whole syncs, and the options of CSV.

// The delimiter, quotes, header and nulls of CSV.
mod csv_options;
// Captured syncs and interleaved streams, record by record.
mod formats;
// Values that writers tend to change, and fields with unusual names.
mod values;
