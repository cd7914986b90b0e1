#!/usr/bin/env bash
# Installs the Debian packages of the test laboratory when that is possible; says what is missing when not.
set -euo pipefail
cd "$(dirname "$0")"
missing=()
while read -r package _; do
    [[ -z $package || $package == \#* ]] && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done < lab/packages.txt
[[ ${#missing[@]} -eq 0 ]] && exit 0
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "packages not installed, their tests will be skipped: ${missing[*]}" >&2
    exit 0
fi
echo "installing for the test laboratory: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
