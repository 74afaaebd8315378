// Package port tells about the TCP ports of the machine: who listens on one, on which ones a program
// listens, and which ones no program may take.
package port

// Machine is the machine's ports. What the system does not tell this account is empty.
type Machine struct{}

// Holder says who listens on a port: "nginx (process 812)"; empty when nobody does or the system does
// not tell.
func (Machine) Holder(port int) string { return "" }

// Listening are the ports on which a process or one of its descendants listens.
func (Machine) Listening(pid int) []int { return nil }

// Excluded says why no program may take the port; empty when it may.
func (Machine) Excluded(port int) string { return "" }
