package gateway

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"holdfast/internal/config"
)

const (
	immutable           = "public, max-age=31536000, immutable"
	defaultCacheControl = "no-cache"
	defaultIndex        = "index.html"
)

// files serves the files of a folder, and nothing outside it.
//
// The ETag is strong and made of the file's time of change (nanoseconds) and size: reading a file
// to hash it would cost more than sending it. A deployment that puts a file of the same size and
// time in another one's place is not seen as a change.
type files struct {
	root         *folder
	index        []string
	cacheControl string
}

func newFiles(conf config.FileServer, root *folder) *files {
	f := &files{root: root, index: conf.Index, cacheControl: conf.CacheControl}
	if f.index == nil {
		f.index = []string{defaultIndex}
	}
	if f.cacheControl == "" {
		f.cacheControl = defaultCacheControl
	}
	return f
}

// respond implements responder.
func (f *files) respond(c *call) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.methodNotAllowed("GET, HEAD")
		return
	}
	// The slash is the client's own: /app with /app stripped is a folder without one.
	slash := strings.HasSuffix(c.path.Path, "/")
	name := strings.TrimSuffix(c.served.Path[1:], "/")
	if name == "" {
		name = "."
	}
	if name != "." && !servable(name) {
		f.notFound(c)
		return
	}
	info, err := f.root.stat(name)
	switch {
	case err != nil:
		f.missing(c, err)
	case info.IsDir() && !slash:
		to := c.path.Escaped + "/"
		if c.r.URL.RawQuery != "" {
			to += "?" + safeQuery(c.r.URL.RawQuery)
		}
		c.redirect(http.StatusPermanentRedirect, to)
	case info.IsDir():
		f.serveIndex(c, name)
	case slash || !info.Mode().IsRegular():
		f.notFound(c)
	default:
		f.serveFile(c, name)
	}
}

// serveIndex serves the first index file that the folder has. What a folder holds is never listed.
func (f *files) serveIndex(c *call, dir string) {
	for _, index := range f.index {
		name := index
		if dir != "." {
			name = dir + "/" + index
		}
		if info, err := f.root.stat(name); err == nil && info.Mode().IsRegular() {
			f.serveFile(c, name)
			return
		}
	}
	f.notFound(c)
}

func (f *files) serveFile(c *call, name string) {
	file, err := f.root.open(name)
	if err != nil {
		f.missing(c, err)
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.notFound(c)
		return
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	h := c.Header()
	c.set(h, "Content-Type", contentType(base))
	c.set(h, "X-Content-Type-Options", "nosniff")
	c.set(h, "Etag", etag(info))
	if hashedName(base) {
		c.set(h, "Cache-Control", immutable)
	} else {
		c.set(h, "Cache-Control", f.cacheControl)
	}
	http.ServeContent(&c.recorder, c.r, "", info.ModTime(), file)
}

// missing answers for a file that cannot be had. Whether it is not there, outside the folder or
// unreadable is nobody's business but the log's.
func (f *files) missing(c *call, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		c.failure = err.Error()
		if errors.Is(err, fs.ErrPermission) {
			c.g.log.Warn("file not readable", zap.String("route", c.route.name), zap.Error(err))
		}
	}
	f.notFound(c)
}

func (f *files) notFound(c *call) {
	c.refuse(http.StatusNotFound, "no_file", "There is no such file.")
}

func etag(info os.FileInfo) string {
	var buf [48]byte
	b := append(buf[:0], '"')
	b = strconv.AppendInt(b, info.ModTime().UnixNano(), 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, info.Size(), 36)
	return string(append(b, '"'))
}
