# An image with one file in it. `cargo build --release` makes the file; for another CPU:
# docker build --platform linux/arm64 --build-arg FILE=target/aarch64-unknown-linux-gnu/release/newuts .
FROM scratch
ARG FILE=target/release/newuts
COPY ${FILE} /newuts
ENTRYPOINT ["/newuts"]
