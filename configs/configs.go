// Package configs holds what an administrator reads: the first configuration, examples, the JSON
// schema and the reference of all keys.
package configs

import _ "embed" // for the files

//go:embed holdfast.yaml
var first []byte

//go:embed holdfast.schema.json
var schema []byte

// Default is the commented configuration that an installation begins with: it is valid, and runs
// nothing yet.
func Default() []byte { return append([]byte(nil), first...) }

// Schema is the JSON schema (draft 2020-12) of the configuration, for editors.
func Schema() []byte { return append([]byte(nil), schema...) }
