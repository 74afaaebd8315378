package main

import (
	"bytes"
	"encoding/json"
	"time"
)

const (
	logName = "setup.log"
	logMax  = 1 << 20
)

// journal is setup.log: one line of JSON for each thing that was done. Until its folder is known it
// keeps the lines; what cannot be written is lost, because no log is worth a failed installation.
type journal struct {
	verb, version string
	now           func() time.Time
	disk          disk
	folder        string // the setup folder; empty while none can be trusted
	kept          []byte
}

// line is one entry, in the words that Holdfast's other logs use.
type line struct {
	Timestamp string         `json:"timestamp"`
	Level     string         `json:"level"`
	Message   string         `json:"message"`
	Action    string         `json:"action"`
	Version   string         `json:"version,omitempty"`
	Fields    map[string]any `json:"fields,omitempty"`
}

func (j *journal) info(message string, pairs ...any)    { j.add("info", message, pairs) }
func (j *journal) warn(message string, pairs ...any)    { j.add("warn", message, pairs) }
func (j *journal) problem(message string, pairs ...any) { j.add("error", message, pairs) }

// say is for plans, which tell each step.
func (j *journal) say(text string) { j.info(text) }

// add writes keys and values in turn; empty values are left out.
func (j *journal) add(level, message string, pairs []any) {
	l := line{Timestamp: j.now().UTC().Format("2006-01-02T15:04:05.000Z"), Level: level, Message: message, Action: j.verb, Version: j.version}
	for i := 0; i+1 < len(pairs); i += 2 {
		if key, ok := pairs[i].(string); ok && pairs[i+1] != any("") {
			if l.Fields == nil {
				l.Fields = map[string]any{}
			}
			l.Fields[key] = pairs[i+1]
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read it
	if e.Encode(l) != nil {
		return
	}
	const enough = 64 << 10
	if len(j.kept)+b.Len() < enough {
		j.kept = append(j.kept, b.Bytes()...)
	}
	j.flush()
}

// flush writes what was kept, as soon as there is somewhere to write to.
func (j *journal) flush() {
	if j.folder == "" || len(j.kept) == 0 {
		return
	}
	_ = j.disk.Append(join(j.folder, logName), j.kept, logMax)
	j.kept = nil
}

// in is where lines go from now on; "" stops them.
func (j *journal) in(folder string) {
	j.folder = folder
	j.flush()
}
