//! The store and the connection to it: certificates, proxies, back pressure, and a store that is
//! not S3.

// A second store: Garage.
mod garage;
// Memory while S3 is slow.
mod memory;
// The requests of a whole sync.
mod requests;
// Certificates and proxies.
mod transport;
