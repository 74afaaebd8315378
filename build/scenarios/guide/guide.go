// Package guide reads the blocks of a Markdown page that a test can run, so that what a page tells its
// reader to type is what was tried.
//
// A comment before a block says what becomes of it; every block of commands has one:
//
//	<!-- run: node -->        the walk "node": it is run
//	<!-- fetch: node -->      the reader downloads something that the test takes from elsewhere
//	<!-- not run: why -->
//
// Blocks are sh, for the machine that makes packages, or console, for the Windows that installs them:
// lines after the prompt C:\> are commands, the others are what they answer.
package guide

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Block is one fenced block with what its comment says.
type Block struct {
	Line     int    // of the page
	Language string // sh, console, bat, yaml, text
	Verb     string // run, fetch, "not run", or none
	Walk     string // what follows the verb
	Text     string // with its last line's end
}

// prompt is what a console shows before a command.
const prompt = `C:\> `

// Command is one command of a console with the lines that it answers.
type Command struct {
	Text   string
	Answer []string
}

// Read gives the blocks of a page. One with commands and without a comment is an error, and so is a
// comment without a block.
func Read(page io.Reader) ([]Block, error) {
	comment := regexp.MustCompile(`^<!-- (run|fetch|not run): (.+) -->$`)
	var blocks []Block
	var open, next *Block
	lines := bufio.NewScanner(page)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		language, fence := strings.CutPrefix(line, "```")
		said := comment.FindStringSubmatch(line)
		switch {
		case open != nil && line == "```":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += line + "\n"
		case next != nil && !fence:
			return nil, fmt.Errorf("line %d: a comment for a block, and no block follows", n)
		case fence:
			open, next = next, nil
			if open == nil {
				open = &Block{}
			}
			open.Line, open.Language = n, language
			if open.Verb == "" && slices.Contains([]string{"sh", "console", "bat"}, language) {
				return nil, fmt.Errorf("line %d: is this block run? Say so in a comment before it", n)
			}
		case said != nil:
			next = &Block{Verb: said[1], Walk: said[2]}
		}
	}
	if open != nil || next != nil {
		return nil, fmt.Errorf("the page ends within a block")
	}
	return blocks, lines.Err()
}

// Commands are those of a console's block.
func (b Block) Commands() ([]Command, error) {
	var all []Command
	for i, line := range strings.Split(strings.TrimSuffix(b.Text, "\n"), "\n") {
		text, ok := strings.CutPrefix(line, prompt)
		switch {
		case ok:
			all = append(all, Command{Text: text})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: begin with a command: %s…", b.Line+1+i, prompt)
		default:
			last := &all[len(all)-1]
			last.Answer = append(last.Answer, line)
		}
	}
	return all, nil
}
