//! Tests against stock git, openssl and ssh-keygen.
