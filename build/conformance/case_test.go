//go:build conformance && linux

package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// check is one case: what a client sends, what it wants to get, and what the server may see of it.
type check struct {
	name string
	rfc  string // the rule
	// send is what the client sends, or pieces of it with what it does between them. A last request of
	// the client's own, the probe, follows unless alone: if and only if the connection can still be
	// trusted, it has to get its own answer.
	send   string
	pieces []string
	alone  bool
	method string // of the first request, if HEAD

	// status of the first answer; "closed" is the end of the connection without one. Alternatives are
	// separated by "|".
	status string
	// seen is "METHOD target body" of each request that the server sees whole, without the probe.
	seen []string
	// after is whether the probe is answered (default: after an answer below 400).
	after after
	// Patterns for the first request as the server got it, and for all that the client got.
	has, hasNot       []string
	client, clientNot []string

	// lax is the pattern of what is dangerous about the case, in what the server got, or the client of
	// answer: a gateway that passes it on is laxer than one that mends it, and that one laxer than one
	// that refuses.
	lax string
	// told is the same for what the client got of the gateway's own.
	told string
	// answer is what the server says to the first request; it closes the connection then, unless keep.
	answer string
	keep   bool
	// early says that it does so before it has read the body.
	early bool
	// torn says that the server's answer breaks off, which the client has to notice.
	torn bool
	// only says that the others have nothing to compare with.
	only bool
}

type after int

const (
	usual after = iota
	goes
	stops
	eitherWay // the connection is whole, but may be closed
)

const probe = "GET /probe HTTP/1.1\r\nHost: probe.test\r\nConnection: close\r\n\r\n"

// outcome is what came of a case at one gateway.
type outcome struct {
	talk   talk
	seen   []request // without the probe
	probed int       // probes that the server saw
	own    bool      // the last answer is the probe's own
	err    error
}

// try runs the case on a lane.
func (c check) try(l lane) outcome {
	l.server.begin(script{c.answer, c.keep, c.early})
	pieces := c.pieces
	if pieces == nil {
		pieces = []string{c.send}
	}
	if !c.alone {
		pieces = slices.Clone(pieces)
		if last := len(pieces) - 1; pieces[last][0] == 0 {
			pieces = append(pieces, probe)
		} else {
			pieces[last] += probe
		}
	}
	var o outcome
	o.talk, o.err = converse(l.front, pieces, []string{c.method})
	for _, r := range l.server.end() {
		if r.line() == "GET /probe" {
			o.probed++
		} else {
			o.seen = append(o.seen, r)
		}
	}
	if n := len(o.talk.answers); n > 0 {
		a := o.talk.answers[n-1]
		o.own = a.status == 200 && a.whole && strings.HasPrefix(a.body, "answer to GET /probe")
	}
	return o
}

// sent is everything that the server got.
func (o outcome) sent() string {
	var b strings.Builder
	for _, r := range o.seen {
		b.WriteString(r.head + r.body + r.trailer + r.after)
	}
	return b.String()
}

// level is how lax a gateway was with a case.
type level int

const (
	refused level = iota
	mended
	passed
	smuggled // the server saw a request that was none
	none     // not compared
)

func (l level) String() string {
	return [...]string{"refused", "mended", "passed on", "SMUGGLED", "-"}[l]
}

func (c check) level(o outcome) level {
	for _, r := range o.seen {
		if strings.Contains(r.line(), "/smuggled") {
			return smuggled
		}
	}
	if o.probed > 1 {
		return smuggled
	}
	if c.answer != "" {
		switch {
		case c.torn && len(o.talk.answers) > 0 && o.talk.answers[0].status == 200 && o.talk.answers[0].whole:
			return passed
		case c.lax != "" && regexp.MustCompile(c.lax).MatchString(o.talk.raw):
			return passed
		case len(o.talk.answers) > 0 && o.talk.answers[0].status < 500:
			return mended
		default:
			return refused
		}
	}
	switch {
	case c.lax != "" && regexp.MustCompile(c.lax).MatchString(o.sent()), c.told != "" && regexp.MustCompile(c.told).MatchString(o.talk.raw):
		return passed
	case len(o.seen) > 0, len(o.talk.answers) > 0 && o.talk.answers[0].status < 400:
		return mended
	default:
		return refused
	}
}

// verify compares an outcome at Holdfast with what the case wants.
func (c check) verify(t *testing.T, o outcome) {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	if o.talk.hung {
		t.Error("the conversation did not end")
	}
	status := o.talk.status()
	if !slices.Contains(strings.Split(c.status, "|"), status) {
		t.Errorf("status = %s, want %s", status, c.status)
	}
	if c.torn && status == "200" && (o.talk.answers[0].whole || o.own) {
		t.Error("the client got a broken answer as a whole one")
	}
	var seen []string
	for _, r := range o.seen {
		seen = append(seen, strings.TrimRight(r.line()+" "+r.body, " "))
	}
	if !slices.Equal(seen, c.seen) {
		t.Errorf("the server saw %q, want %q", seen, c.seen)
	}
	want := c.after == goes || c.after == usual && status != "closed" && status < "400"
	if !c.alone && want != o.own && c.after != eitherWay {
		t.Errorf("the probe was answered: %v, want %v", o.own, want)
	}
	if !c.alone && !want && o.probed > 0 && c.after != eitherWay {
		t.Error("the probe reached the server over a connection that cannot be trusted")
	}
	first := ""
	if len(o.seen) > 0 {
		first = o.seen[0].head + o.seen[0].body + o.seen[0].trailer
	}
	match(t, "the request to the server", first, c.has, c.hasNot)
	match(t, "what the client got", o.talk.raw, c.client, c.clientNot)
	if t.Failed() {
		t.Logf("sent:   %.600q", c.send+strings.Join(c.pieces, ""))
		t.Logf("got:    %.900q", o.talk.raw)
		t.Logf("server: %.900q", o.sent())
	}
}

func match(t *testing.T, what, text string, has, hasNot []string) {
	t.Helper()
	for _, p := range has {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("%s lacks %q", what, p)
		}
	}
	for _, p := range hasNot {
		if regexp.MustCompile(p).MatchString(text) {
			t.Errorf("%s has %q", what, p)
		}
	}
}

// cell is an outcome in the table.
func (c check) cell(o outcome) string {
	if o.err != nil {
		return "error"
	}
	text := o.talk.status()
	if o.talk.hung {
		text += " hung"
	}
	return fmt.Sprintf("%s %s", text, c.level(o))
}
