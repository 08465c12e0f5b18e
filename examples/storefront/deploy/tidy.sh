#!/bin/sh
# Removes what last night's backup left behind.
set -eu

old=/var/lib/storefront/old

rm -rf $old/invoices
rm -rf "${old:?}/pictures"

for one in $(ls /var/log/storefront); do
    gzip "/var/log/storefront/$one"
done

for one in /var/log/storefront/*.gz; do
    touch "$one"
done
