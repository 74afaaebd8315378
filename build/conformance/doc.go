// Package conformance says byte by byte what the gateway makes of HTTP: what a client gets and what the
// server behind it is sent for requests as they should be, as careless programs write them, and as an
// attacker would. Every case of the table runs against the real binary and, for comparison, against
// nginx, HAProxy and Caddy with equal configurations; Holdfast must never be the laxest of the four.
// H2spec's strict suite does the same for HTTP/2.
//
// The tests have the build tag conformance and run from build/test conformance. Besides their verdicts
// they write the whole table to build/out/conformance.txt.
package conformance
