package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// readiness is the part of /readyz that setup needs.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
	Version string   `json:"version"`
	StartID string   `json:"start_id"`
	Apps    []app    `json:"apps"`
}

// app is one app in a word: healthy, degraded, down or stopped.
type app struct {
	ID        string `json:"id"`
	Condition string `json:"condition"`
}

// down are the apps without a ready instance. One that was stopped, or a job that has ended well, is
// not down.
func (r readiness) down() []string {
	var ids []string
	for _, app := range r.Apps {
		if app.Condition == "down" {
			ids = append(ids, app.ID)
		}
	}
	return ids
}

// answerMax bounds an answer: /readyz has a line for each app.
const answerMax = 1 << 20

// readyz asks the service on its pipe, and says whose answer it is. In HTTP/1.0, which a few lines can
// speak: package net/http would double the size of setup.
func (s *setup) readyz(ctx context.Context) (readiness, int, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	conn, err := s.pipe(ctx, s.id.Endpoint())
	if err != nil {
		return readiness{}, 0, fmt.Errorf("nobody answers on %s: %w", s.id.Endpoint(), err)
	}
	defer conn.Close() //nolint:errcheck // everything is read by then
	pid, err := conn.Server()
	if err != nil {
		return readiness{}, 0, fmt.Errorf("who serves %s: %w", s.id.Endpoint(), err)
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return readiness{}, pid, err
	}
	if _, err := io.WriteString(conn, "GET /readyz HTTP/1.0\r\nHost: localhost\r\nUser-Agent: holdfast-setup\r\n\r\n"); err != nil {
		return readiness{}, pid, fmt.Errorf("ask %s: %w", s.id.Endpoint(), err)
	}
	answer, err := readAnswer(conn)
	if err != nil {
		return readiness{}, pid, fmt.Errorf("the answer of %s: %w", s.id.Endpoint(), err)
	}
	return answer, pid, nil
}

// readAnswer reads an HTTP/1.0 answer with a JSON body that ends with the connection, or after
// Content-Length. 503 is an answer, too: it says what is missing.
func readAnswer(r io.Reader) (readiness, error) {
	tr := textproto.NewReader(bufio.NewReader(io.LimitReader(r, answerMax)))
	first, err := tr.ReadLine()
	if err != nil {
		return readiness{}, err
	}
	protocol, rest, _ := strings.Cut(first, " ")
	code, _, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(protocol, "HTTP/1.") || code != "200" && code != "503" {
		return readiness{}, fmt.Errorf("%.60q is no answer to this question", first)
	}
	header, err := tr.ReadMIMEHeader()
	if err != nil {
		return readiness{}, err
	}
	if header.Get("Transfer-Encoding") != "" {
		return readiness{}, errors.New("an answer in HTTP/1.0 has no transfer encoding")
	}
	var body io.Reader = tr.R
	if text := header.Get("Content-Length"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > answerMax {
			return readiness{}, fmt.Errorf("content length %.20q", text)
		}
		body = io.LimitReader(body, n)
	}
	var answer readiness
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return readiness{}, err
	}
	return answer, nil
}
