package process

import (
	"encoding/binary"
	"iter"
)

// numbered are the entries of a folder of /proc whose names are numbers, as getdents64 gives them,
// with their inodes. It does not allocate.
func numbered(entries []byte) iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		// struct linux_dirent64: inode, offset, size of the entry, type, name; getdents(2).
		const name = 19
		for rest := entries; len(rest) > name; {
			inode, size := binary.NativeEndian.Uint64(rest), int(binary.NativeEndian.Uint16(rest[16:]))
			if size <= name || size > len(rest) {
				return
			}
			if n, ok := parseUint(rest[name:size]); ok && !yield(int(n), inode) { //nolint:gosec // a process id or a descriptor
				return
			}
			rest = rest[size:]
		}
	}
}
