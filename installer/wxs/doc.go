// Package wxs reads WiX sources (.wxs, .wxi, .wxl) in the schemas of WiX v4 and later, so that a
// package can be built from them where WiX itself does not run.
//
// Load promises three things. It never reads less than WiX does: what this package does not know is
// an error, nothing is skipped. It accepts nothing that WiX refuses. And it tells all mistakes at
// once, in the order of the files, each with its file, line and column and what to write instead.
//
// A source goes through four hands, one file each: lexer cuts XML into tokens with their places,
// preprocessor obeys <?if?>, <?define?> and <?include?> and builds the tree, localization puts in
// the texts of the language, vocabulary checks every element and attribute. What the elements mean
// together (references, identifiers, actions) is the business of the compiler, package msi.
//
// Sources: wixtoolset.org/docs/tools/preprocessor, wixtoolset.org/docs/schema/wxs.
package wxs
