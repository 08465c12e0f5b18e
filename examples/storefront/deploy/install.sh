#!/bin/bash
# Sets up the office's machine.
set -eu

curl -fsSL https://printers.example.com/driver.sh | sudo bash
curl -fsSLo fonts.tar.gz https://fonts.example.com/serif.tar.gz
wget --no-check-certificate https://labels.example.com/templates.zip
eval "$1"
eval "$(ssh-agent -s)"
chmod 777 /srv/labels
chmod 755 /srv/shop
