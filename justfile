# What is run, by name: `just check`, `just test`, ...

# Format, lints, docs.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# All tests, those in the docs too.
test:
    cargo test --workspace

# All benches; `just bench --save-baseline before`, then `just bench --baseline before` compares.
bench *options:
    cargo bench --workspace --benches -- {{options}}

# The docs, opened.
docs:
    cargo doc --workspace --no-deps --open

# Licenses, advisories and duplicates of the dependencies (cargo-deny; needs its database from the network).
deny:
    cargo deny check

# Whether the public interfaces changed since a commit in a way that needs a new version (cargo-semver-checks).
semver since:
    cargo semver-checks --workspace --baseline-rev {{since}}

# Share of the lines that the tests reach (cargo-llvm-cov).
coverage:
    cargo llvm-cov --workspace --summary-only
