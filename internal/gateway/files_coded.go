package gateway

// precompressedCodings are looked for beside a file, the smallest first.
func precompressedCodings() []coding { return []coding{brotliCoding, zstdCoding, gzipCoding} }

// codingSet is a set of codings.
type codingSet uint8

func (s codingSet) has(c coding) bool { return s&(1<<c) != 0 }

// variant is the file with a coding that the client wants most; noCoding: the file as it is. There may be
// some although there is none for this client.
func (f *files) variant(c *call, plain *found) (found, coding) {
	there := f.root.variants(plain.name)
	if there == 0 {
		return found{}, noCoding
	}
	addVary(c.Header(), "Accept-Encoding")
	accepted := c.r.Header["Accept-Encoding"]
	if len(accepted) == 0 {
		return found{}, noCoding
	}
	var offered [codings]coding
	n := 0
	for _, kind := range precompressedCodings() {
		if there.has(kind) {
			offered[n], n = kind, n+1
		}
	}
	wanted := readAcceptance(accepted)
	for n > 0 {
		best := wanted.best(offered[:n])
		if best == noCoding {
			break
		}
		if file, ok := f.coded(best, plain); ok {
			return file, best
		}
		wanted[best] = 0 // it went away, or is of an older file
	}
	return found{}, noCoding
}

// coded opens a file with a coding, unless it is older than the file itself. Times are compared in
// whole seconds: programs that compress keep a file's time, but not all of them its fraction.
func (f *files) coded(kind coding, plain *found) (found, bool) {
	file, err := f.look(plain.name + kind.suffix())
	if err != nil {
		return found{}, false
	}
	if !file.info.Mode().IsRegular() || file.info.ModTime().Unix() < plain.info.ModTime().Unix() {
		file.close()
		return found{}, false
	}
	return file, true
}
