//! The store and the way to it: certificates, proxies, back pressure, and a store that is not S3.

// A second store: Garage.
mod garage;
// Memory, and what happens when S3 is slow.
mod memory;
// What a whole sync asks of S3.
mod requests;
// Certificates and proxies.
mod transport;
