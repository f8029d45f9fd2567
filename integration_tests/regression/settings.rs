//! Messages about settings and catalogs.
