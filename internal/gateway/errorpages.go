package gateway

import (
	"html"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"go.uber.org/zap"

	"holdfast/internal/config"
)

// maxErrorPage bounds an error page: it is kept in memory.
const maxErrorPage = 1 << 20

// errorPages are a route's HTML pages for errors that the gateway itself answers with. In a page
// ${status}, ${title}, ${code} and ${request_id} stand for the answer's own.
type errorPages map[string]*errorPage // by "404" or "5xx"

// errorPage is one file; a change of it is seen with the next error.
type errorPage struct {
	path string

	mu   sync.Mutex
	seen os.FileInfo
	text string
	ok   bool   // text is the last good one
	why  string // it could not be read the last time, as logged
}

func newErrorPages(conf map[string]string) errorPages {
	if len(conf) == 0 {
		return nil
	}
	pages := errorPages{}
	for status, path := range conf {
		pages[strings.ToLower(status)] = &errorPage{path: path}
	}
	return pages
}

// answer answers with a page; false when there is none for the status, or the client takes no HTML.
func (p errorPages) answer(c *call, status int, code string) bool {
	page := p[strconv.Itoa(status)]
	if page == nil {
		page = p[strconv.Itoa(status/100)+"xx"]
	}
	if page == nil || !takesHTML(c.r.Header["Accept"]) {
		return false
	}
	text, ok := page.read(c)
	if !ok {
		return false
	}
	text = strings.NewReplacer(
		"${status}", strconv.Itoa(status), "${title}", http.StatusText(status),
		"${code}", code, "${request_id}", html.EscapeString(c.ids.request),
	).Replace(text)
	h := c.Header()
	addVary(h, "Accept")
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Cache-Control"] = []string{"no-store"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	c.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.Write([]byte(text)) // a client that went away needs no answer
	}
	return true
}

// read is the page's text; the last good one when the file cannot be read now.
func (p *errorPage) read(c *call) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path)
	if err == nil && p.seen != nil && info.ModTime().Equal(p.seen.ModTime()) && info.Size() == p.seen.Size() {
		return p.text, true
	}
	var data []byte
	if err == nil {
		data, err = config.ReadBounded(p.path, maxErrorPage)
	}
	if err != nil {
		if p.why != err.Error() { // once: whoever asks for what is not there must not fill the log
			p.why = err.Error()
			c.g.log.Warn("error page not readable", zap.String("route", c.route.name), zap.Error(err))
		}
		return p.text, p.ok
	}
	p.seen, p.text, p.ok, p.why = info, string(data), true, ""
	return p.text, true
}

// takesHTML reports whether a client asked for HTML by its name: browsers do, programs do not.
func takesHTML(accept []string) bool {
	for _, value := range accept {
		for part := range strings.SplitSeq(value, ",") {
			media, parameters, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(media)) {
			case "text/html", "application/xhtml+xml":
				if q := strings.ReplaceAll(strings.ToLower(parameters), " ", ""); q == "q=0" || q == "q=0.0" || q == "q=0.00" || q == "q=0.000" {
					continue
				}
				return true
			}
		}
	}
	return false
}
