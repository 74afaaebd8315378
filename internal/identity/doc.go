// Package identity decides who somebody is: it checks JSON Web Tokens, API keys, passwords and client
// certificates. It knows no HTTP: what it is asked with are texts and certificates, and what it answers
// are names, claims or errors whose texts may be told to a stranger.
//
// Verifiers are safe for any number of goroutines and start none of their own.
package identity
