//! mobilenet
