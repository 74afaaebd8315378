//go:build !linux

package main

// portOwner names the program that listens on a TCP port; here the system offers no plain way.
func portOwner(int) string { return "" }
