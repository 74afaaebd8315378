//go:build conformance && linux

package conformance

import (
	"bufio"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// patience is how long a conversation may take. Every gateway ends a silent connection long before.
const patience = 20 * time.Second

// What a client does between two pieces of what it sends.
const (
	awaitBytes = "\x00wait for something from the gateway"
	halfClose  = "\x00end the sending"
)

// talk is what a client got.
type talk struct {
	raw     string
	answers []answer
	rest    string // what is no answer
	reset   bool   // the connection broke instead of ending
	hung    bool   // it did not end
}

// answer is one that a client got.
type answer struct {
	status  int
	interim []int
	head    string
	body    string
	whole   bool // it did not end before its end
	unended bool // its end is the connection's
}

// status is the first answer's; "closed" when there is none.
func (k talk) status() string {
	if len(k.answers) == 0 {
		return "closed"
	}
	return strconv.Itoa(k.answers[0].status)
}

// converse sends the pieces and reads until the gateway ends the connection.
func converse(address string, pieces []string, methods []string) (talk, error) {
	var k talk
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return k, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return k, err
	}
	var got atomic.Bool
	came := make(chan struct{}) // closed with the first bytes, or the end
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, piece := range pieces {
			switch piece {
			case awaitBytes:
				<-came
			case halfClose:
				_ = conn.(*net.TCPConn).CloseWrite() // the gateway may have closed it
			default:
				if _, err := io.WriteString(conn, piece); err != nil {
					return // it may close before it has read all
				}
			}
		}
	}()
	var raw strings.Builder
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		raw.Write(buf[:n])
		if got.CompareAndSwap(false, true) {
			close(came)
		}
		if err != nil {
			timeout, ok := err.(net.Error) //nolint:errorlint // of our own connection
			k.hung = ok && timeout.Timeout()
			k.reset = err != io.EOF && !k.hung //nolint:errorlint // of our own connection
			break
		}
	}
	_ = conn.Close()
	<-sent
	k.raw = raw.String()
	k.parse(methods)
	return k, nil
}

// parse reads the answers to requests of these methods, as a strict client would.
func (k *talk) parse(methods []string) {
	r := bufio.NewReader(strings.NewReader(k.raw))
	left := func() string {
		rest, _ := io.ReadAll(r) // of a string
		return string(rest)
	}
	for n := 0; ; n++ {
		a, ok := readAnswer(r, n < len(methods) && methods[n] == "HEAD")
		if !ok {
			k.rest = a.head + left()
			return
		}
		k.answers = append(k.answers, a)
		if !a.whole || a.status == 101 {
			k.rest = left()
			return
		}
	}
}

func readAnswer(r *bufio.Reader, toHead bool) (answer, bool) {
	var a answer
	for {
		head, status, ok := readHead(r)
		if !ok {
			return answer{head: a.head + head}, false
		}
		if a.status = status; status < 200 && status != 101 {
			a.interim = append(a.interim, status)
			a.head += head
			continue
		}
		a.head += head
		fields, err := textproto.NewReader(bufio.NewReader(strings.NewReader(head[strings.IndexByte(head, '\n')+1:]))).ReadMIMEHeader()
		if err != nil {
			return a, false
		}
		a.readBody(r, fields, toHead)
		return a, true
	}
}

func (a *answer) readBody(r *bufio.Reader, fields textproto.MIMEHeader, toHead bool) {
	switch {
	case toHead, a.status == 204, a.status == 304, a.status == 101:
		a.whole = true
	case fields.Get("Transfer-Encoding") != "":
		var req request
		a.whole = req.readChunks(r) == nil
		a.body = req.body
		a.head += req.trailer
	case fields.Get("Content-Length") != "":
		n, err := strconv.Atoi(fields.Get("Content-Length"))
		if err != nil {
			return
		}
		body := make([]byte, n)
		read, err := io.ReadFull(r, body)
		a.body, a.whole = string(body[:read]), err == nil
	default:
		body, _ := io.ReadAll(r) // of a string
		a.body, a.whole, a.unended = string(body), true, true
	}
}

// readHead reads a status line and fields.
func readHead(r *bufio.Reader) (head string, status int, ok bool) {
	for {
		line, err := r.ReadString('\n')
		head += line
		if err != nil {
			return head, 0, false
		}
		if strings.TrimRight(line, "\r\n") == "" {
			break
		}
	}
	first, _, _ := strings.Cut(head, "\n")
	parts := strings.Fields(first)
	if len(parts) < 2 || !strings.HasPrefix(parts[0], "HTTP/1.") {
		return head, 0, false
	}
	status, err := strconv.Atoi(parts[1])
	return head, status, err == nil
}
