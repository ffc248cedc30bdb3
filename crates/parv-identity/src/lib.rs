//! Accounts and devices: keys, X.509 certificates and CRLs, SSHSIG signatures, key files.
