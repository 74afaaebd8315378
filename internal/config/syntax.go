package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// syntaxError is text that is no YAML document, with the best place and cure that can be told.
type syntaxError struct {
	code                string
	line, column, width int
	message, hint       string
}

// parseYAML reads one document; nil without an error is an empty file.
func parseYAML(text []byte, lines []string) (*node, *syntaxError) {
	if !printable(text) {
		if line, column, message := badCharacter(lines); line > 0 {
			hint := "save the file as UTF-8 text"
			if strings.Contains(message, "control") {
				hint = "remove it; it cannot be seen in most editors"
			}
			return nil, &syntaxError{codeEncoding, line, column, 1, message, hint}
		}
		if e := lineBreaks(lines); e != nil {
			return nil, e
		}
	}
	if node := plainYAML(lines); node != nil {
		return node, nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, explainSyntax(err, lines)
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, &syntaxError{
			codeDocuments, max(1, second.Line), 1, 3, "a second document begins here",
			"a file holds one document: remove the --- line, or move this part to a file in conf.d",
		}
	case !errors.Is(err, io.EOF):
		return nil, explainSyntax(err, lines)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return nodeOf(doc.Content[0]), nil
}

// printable reports whether text is nothing but printable ASCII and line feeds, which no character needs
// a closer look at.
func printable(text []byte) bool {
	for _, c := range text {
		if (c < ' ' || c > '~') && c != '\n' {
			return false
		}
	}
	return true
}

// lineBreaks refuses the line breaks that only YAML 1.1 knows: they would shift all places.
func lineBreaks(lines []string) *syntaxError {
	for i, text := range lines {
		if at := strings.IndexAny(text, "\u0085\u2028\u2029"); at >= 0 {
			return &syntaxError{
				codeEncoding, i + 1, utf8.RuneCountInString(text[:at]) + 1, 1,
				"this character is a line break for some programs only", "replace it by an ordinary line break",
			}
		}
	}
	return nil
}

// explainSyntax adds to the YAML reader's error what it leaves out: the column and the cure. The
// causes are the mistakes that people make most.
func explainSyntax(err error, lines []string) *syntaxError {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &syntaxError{code: codeSyntax, line: 1, width: 1}
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		e.line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	e.line = max(1, min(e.line, len(lines)))
	e.line = firstBad(lines, e.line)
	e.message = "not YAML: " + text
	e.hint = "check the indentation, colons, brackets and quotes here and on the line before"
	for _, cause := range []func(*syntaxError, string, []string) bool{
		tabIndent, windowsPath, unknownAnchor, starStart, colonStart, valueInValue, reservedStart, openQuote, placeholderInBrackets, openBracket, noSpaceAfterColon,
	} {
		if cause(e, text, lines) {
			return e
		}
	}
	line := lines[e.line-1]
	e.column = indentation(line) + 1
	e.width = utf8.RuneCountInString(strings.TrimSpace(line))
	return e
}

// firstBad is the line after the longest beginning of the text that is YAML. The reader's own line
// is often where the enclosing section begins. It looks a little further than that, and leaves long
// files alone.
func firstBad(lines []string, reported int) int {
	if len(lines) > 3000 {
		return reported
	}
	for n := min(len(lines)-1, reported+100); n >= max(0, reported-5); n-- {
		var doc yaml.Node
		err := yaml.Unmarshal([]byte(strings.Join(lines[:n], "\n")), &doc)
		if err == nil {
			return n + 1
		}
	}
	return reported
}
