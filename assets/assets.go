// Package assets holds what is shown of Holdfast: its icon, the pictures of the installer's dialogs
// and its licence. The pictures are drawn from the SVG files here by draw.sh; licence.rtf is LICENSE
// as RTF writes it:
//
//	go test ./assets -update
package assets

import (
	_ "embed" // for the files below
)

//go:embed icon.ico
var icon string

//go:embed banner.bmp
var banner string

//go:embed background.bmp
var background string

//go:embed licence.rtf
var licence string

// Icon is Holdfast's icon, an .ico file with pictures of 16 to 256 pixels.
func Icon() []byte { return []byte(icon) }

// Banner is the top of the installer's inner dialogs: a BMP file of 493 by 58 pixels.
func Banner() []byte { return []byte(banner) }

// Background is the picture behind the installer's first and last dialog: a BMP file of 493 by 312
// pixels. Text is written on the right two thirds.
func Background() []byte { return []byte(background) }

// Licence is Holdfast's licence, an RTF file.
func Licence() []byte { return []byte(licence) }
