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
	root          *folder
	index         []string
	cacheControl  string
	candidates    []string
	spa           string
	precompressed bool
}

func newFiles(conf config.FileServer, root *folder) *files {
	f := &files{
		root: root, index: conf.Index, cacheControl: conf.CacheControl,
		candidates: conf.TryFiles, spa: strings.TrimPrefix(conf.SPA, "/"), precompressed: conf.Precompressed,
	}
	if len(f.candidates) == 0 {
		f.candidates = []string{pathPlaceholder}
	}
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
	for _, candidate := range f.candidates {
		a := attempt{name: name, slash: slash}
		if candidate != pathPlaceholder {
			a = expand(candidate, c.served.Path)
			if a.name != "." && !servable(a.name) {
				continue
			}
		}
		a.own = a.name == name
		if f.try(c, a, slash) {
			return
		}
	}
	if f.spa != "" && !extended(name) {
		addVary(c.Header(), "Accept")
		if takesHTML(c.r.Header["Accept"]) && f.tryFile(c, f.spa, defaultCacheControl) {
			return
		}
	}
	f.notFound(c)
}

// toSlash sends the client to the folder's own address.
func (f *files) toSlash(c *call) {
	to := c.path.Escaped + "/"
	if c.r.URL.RawQuery != "" {
		to += "?" + safeQuery(c.r.URL.RawQuery)
	}
	c.redirect(http.StatusPermanentRedirect, to)
}

// serveFile sends a file, or what lies beside it already compressed.
func (f *files) serveFile(c *call, file *found, cacheControl string) {
	base := file.name[strings.LastIndexByte(file.name, '/')+1:]
	h := c.Header()
	c.set(h, "Content-Type", contentType(base))
	c.set(h, "X-Content-Type-Options", "nosniff")
	if hashedName(base) {
		cacheControl = immutable
	}
	c.set(h, "Cache-Control", cacheControl)
	if f.precompressed {
		if coded, kind := f.variant(c, file); kind != noCoding {
			defer coded.close()
			c.set(h, "Content-Encoding", kind.String())
			c.set(h, "Etag", etag(coded.info, kind))
			send(c, f.root, &coded)
			return
		}
	}
	c.set(h, "Etag", etag(file.info, noCoding))
	send(c, f.root, file)
}

// extended reports whether a name ends in one with an extension.
func extended(name string) bool {
	return name != "." && strings.IndexByte(name[strings.LastIndexByte(name, '/')+1:], '.') >= 0
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

// etag is a file's. Each coding has its own: the same tag would let a range of one be put into another.
func etag(info os.FileInfo, kind coding) string {
	var buf [48]byte
	b := append(buf[:0], '"')
	b = strconv.AppendInt(b, info.ModTime().UnixNano(), 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, info.Size(), 36)
	b = append(b, kind.suffix()...)
	return string(append(b, '"'))
}
