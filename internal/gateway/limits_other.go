//go:build !windows

package gateway

const (
	// resumable: a write that is broken off tells how much of it was taken, and may go on.
	resumable = true
	// fileChunk is how much of a file is sent at a time.
	fileChunk = 1 << 20
	// maxSaved bounds what a client that was fast for a while may be slow afterwards.
	maxSaved = 30 // beats
)
