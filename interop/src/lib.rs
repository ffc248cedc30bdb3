//! Tests of Parv against the stock tools that people have (`git`, `openssl`, `ssh-keygen`) and another libp2p (`js/`). They stand
//! in `tests/`; a test whose tool is missing fails and names the package that brings it.

#![forbid(unsafe_code)]
