#!/usr/bin/env bash
# Builds what a release consists of into target/release-files: static executables for two
# architectures, the Python wheel with every engine for the one it runs on, the npm package,
# checksums. Needs npm, the rustup targets and, for aarch64, a linker for it (Debian:
# gcc-aarch64-linux-gnu, musl-tools). TARGETS="" builds the packages alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
files=target/release-files
rm -rf "$files"
mkdir -p "$files"
# What `isobase version` says the build is of.
ISOBASE_COMMIT=${ISOBASE_COMMIT:-$(git rev-parse --short=12 HEAD)}
export ISOBASE_COMMIT
version=$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "isobase-cli"))')

for target in ${TARGETS-x86_64-unknown-linux-musl aarch64-unknown-linux-musl}; do
    cargo build --release --locked --bin isobase --features cloud,mail,s3,thumbnails,toolkit --target "$target"
    name="isobase-$version-$target"
    mkdir "$files/$name"
    cp "target/$target/release/isobase" LICENSE-APACHE LICENSE-MIT README.md "$files/$name/"
    tar -C "$files" -czf "$files/$name.tar.gz" "$name"
    rm -r "${files:?}/$name"
done

cargo xtask python --cloud
cp target/wheels/isobase-"$version"-*.whl "$files/"
packed=$(npm pack ./js --pack-destination "$files" --silent)
if [ "$packed" != "isobase-$version.tgz" ]; then
    echo "js/package.json has another version than the executable: $packed, not $version" >&2
    exit 1
fi
(cd "$files" && sha256sum -- * > SHA256SUMS)
ls -l "$files"
