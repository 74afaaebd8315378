package gateway

import "os"

// precompressedCodings are looked for beside a file, the smallest first.
func precompressedCodings() []coding { return []coding{brotliCoding, zstdCoding, gzipCoding} }

// codingSet is a set of codings.
type codingSet uint8

func (s codingSet) has(c coding) bool { return s&(1<<c) != 0 }

// variant is the file with a coding that the client wants most; nil: the file as it is. There may be
// some although there is none for this client.
func (f *files) variant(c *call, name string, plain os.FileInfo) (file *os.File, info os.FileInfo, kind coding) {
	there := f.root.variants(name)
	if there == 0 {
		return nil, nil, noCoding
	}
	addVary(c.Header(), "Accept-Encoding")
	accepted := c.r.Header["Accept-Encoding"]
	if len(accepted) == 0 {
		return nil, nil, noCoding
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
		if file, info := f.coded(name, best, plain); file != nil {
			return file, info, best
		}
		wanted[best] = 0 // it went away, or is of an older file
	}
	return nil, nil, noCoding
}

// coded opens a file with a coding, unless it is older than the file itself. Times are compared in
// whole seconds: programs that compress keep a file's time, but not all of them its fraction.
func (f *files) coded(name string, kind coding, plain os.FileInfo) (*os.File, os.FileInfo) {
	file, info, err := f.look(name + kind.suffix())
	if err != nil || file == nil {
		return nil, nil
	}
	if !info.Mode().IsRegular() || info.ModTime().Unix() < plain.ModTime().Unix() {
		closeFile(file)
		return nil, nil
	}
	return file, info
}
