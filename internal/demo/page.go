package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed page
var page embed.FS

// index is the page that a person starts from: who answered, and a button for every fault.
func (p *Program) index(w http.ResponseWriter, r *http.Request) {
	language := preferred(r.Header.Get("Accept-Language"))
	body, err := p.render(language, r.URL.Query().Get("did"), r.URL.Query().Get("by"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", language)
	header.Set("Vary", "Accept-Language")
	header.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
	_, _ = w.Write([]byte(body))
}

// render fills the page. html/template would keep the linker from dropping dead code in the whole
// binary, and there are a dozen words to fill in.
func (p *Program) render(language, did, by string) (string, error) {
	words, err := wordsOf(language)
	if err != nil {
		return "", err
	}
	text, err := page.ReadFile("page/index.html")
	if err != nil {
		return "", fmt.Errorf("demo: page: %w", err)
	}
	notice := ""
	if sentence, ok := words["did_"+did]; ok {
		sentence = strings.ReplaceAll(sentence, "{by}", by)
		notice = `<p class="notice" role="status">` + html.EscapeString(sentence) + `</p>`
	}
	pairs := []string{
		"{{language}}", language,
		"{{instance}}", html.EscapeString(p.opts.Instance),
		"{{pid}}", strconv.Itoa(p.pid),
		"{{notice}}", notice,
	}
	for key, word := range words {
		pairs = append(pairs, "{{"+key+"}}", html.EscapeString(word))
	}
	return strings.NewReplacer(pairs...).Replace(string(text)), nil
}

// wordsOf are the page's words in one language.
func wordsOf(language string) (map[string]string, error) {
	data, err := page.ReadFile("page/" + language + ".json")
	if err != nil {
		return nil, fmt.Errorf("demo: words: %w", err)
	}
	var words map[string]string
	if err := json.Unmarshal(data, &words); err != nil {
		return nil, fmt.Errorf("demo: words of %s: %w", language, err)
	}
	return words, nil
}

// asset serves the page's style and script.
func (p *Program) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) {
	case ".css", ".js":
	default:
		http.NotFound(w, r)
		return
	}
	data, err := page.ReadFile("page/" + path.Base(name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(data) //nolint:gosec // an embedded file
}

// preferred picks zh or en from an Accept-Language header (RFC 9110, section 12.5.4): the one with
// the higher quality, the first of equals, and en when neither is wanted.
func preferred(header string) string {
	best, quality := "en", 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		language, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if language != "en" && language != "zh" {
			continue
		}
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			parsed, err := strconv.ParseFloat(value, 64)
			if err != nil || !(parsed >= 0 && parsed <= 1) {
				continue
			}
			q = parsed
		}
		if q > quality {
			best, quality = language, q
		}
	}
	return best
}
