#!/bin/sh
# Draws the pictures of the installer from their sources:
#   apt-get install -y --no-install-recommends librsvg2-bin imagemagick && assets/draw.sh
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for size in 16 20 24 32 40 48 64 256; do
  rsvg-convert -w "$size" -h "$size" icon.svg -o "$work/$size.png"
done
cd "$work"
# Windows shows the 256 picture from a PNG inside; the others are plain, as old programs want them.
convert 16.png 20.png 24.png 32.png 40.png 48.png 64.png 256.png icon.ico
cd - >/dev/null
mv "$work/icon.ico" icon.ico
for picture in banner background; do
  rsvg-convert "$picture.svg" -o "$work/$picture.png"
  # Windows Installer reads BMP version 3; it does not compress it, so that a palette saves room.
  convert "$work/$picture.png" -background white -flatten -dither None -colors 256 -type Palette -compress None -define bmp:format=bmp3 "$picture.bmp"
done
