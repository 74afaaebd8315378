package gateway

const (
	// resumable: Windows does not tell how much of a write was taken that is broken off. A write therefore
	// counts with its beginning, and a client has as long for it as it may take.
	resumable = false
	// fileChunk is how much of a file is sent at a time.
	fileChunk = 128 << 10
	// maxSaved bounds what a client that was fast for a while may be slow afterwards: at the default rate
	// enough for the largest write that is not a file.
	maxSaved = 150 // beats
)
