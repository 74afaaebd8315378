package service

import "strings"

// startArgument is the one argument of a start that a Program hears of.
const startArgument = "--start-id="

// StartArgument is what to start a service with so that it knows this start as id, which is 32
// hexadecimal digits in lower case.
func StartArgument(id string) string { return startArgument + id }

// startID finds it among the arguments of a start; what is not 32 hexadecimal digits was not made
// by StartArgument and is not repeated to anybody.
func startID(args []string) string {
	for _, arg := range args {
		if id, ok := strings.CutPrefix(arg, startArgument); ok && len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" {
			return id
		}
	}
	return ""
}
