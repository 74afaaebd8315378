package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// This file is the one place where errors become HTTP.

// Problem is the body of every error: RFC 9457, application/problem+json. It is an error, too: the
// client returns it.
type Problem struct { //nolint:errname // RFC 9457's word: it is a body first
	// Type is always about:blank: Code tells problems apart.
	Type   string `json:"type" doc:"Always about:blank; code tells problems apart."`
	Title  string `json:"title" doc:"The status in words."`
	Status int    `json:"status" doc:"The HTTP status."`
	// Code is one of the constants below.
	Code Code `json:"code" doc:"What went wrong, for programs."`
	// Detail says what is wrong and what to do about it.
	Detail string `json:"detail" doc:"What is wrong and what to do about it."`
	// RequestID finds the request in Holdfast's log; it is the X-Request-Id header, too.
	RequestID string `json:"request_id" doc:"Finds the request in Holdfast's log; also in the X-Request-Id header."`
	// Revision of the configuration that stays in force after a rejected reload.
	Revision int `json:"revision,omitempty" doc:"The configuration revision that stays in force, after a rejected reload."`
	// Errors are the single faults of an invalid request or configuration.
	Errors []Fault `json:"errors,omitempty" doc:"The single faults of an invalid request or configuration."`
}

// Fault is one fault of an invalid request or configuration.
type Fault struct {
	Detail string `json:"detail" doc:"What is wrong."`
	// Pointer is a JSON pointer (RFC 6901): into the configuration, or /query/limit for a parameter.
	Pointer string `json:"pointer,omitempty" doc:"JSON pointer into the configuration, or /query/NAME for a parameter."`
	Code    string `json:"code,omitempty" doc:"The code of a configuration problem, such as HF204."`
	File    string `json:"file,omitempty" doc:"The configuration file."`
	Line    int    `json:"line,omitempty" doc:"Line in the file, from 1."`
	Column  int    `json:"column,omitempty" doc:"Column in the line, from 1."`
	Hint    string `json:"hint,omitempty" doc:"What to do about it."`
	// The rest is what else is known about a configuration problem.
	Severity config.Severity `json:"severity,omitempty" enum:"error,warning" doc:"Only an error keeps a configuration from being applied."`
	Source   string          `json:"source,omitempty" doc:"The place of a value that stands in no file."`
	Snippet  *config.Snippet `json:"snippet,omitempty" doc:"The text around the place."`
}

// Code tells problems apart.
type Code string

// The codes; they are public and never change their meaning.
const (
	CodeInvalid          Code = "invalid_request"
	CodeForbidden        Code = "forbidden"
	CodeCrossOrigin      Code = "cross_origin"
	CodeNotFound         Code = "not_found"
	CodeMethodNotAllowed Code = "method_not_allowed"
	CodeNotAcceptable    Code = "not_acceptable"
	CodeTimeout          Code = "request_timeout"
	CodeConflict         Code = "conflict"
	CodeTooLarge         Code = "body_too_large"
	CodeMediaType        Code = "unsupported_media_type"
	CodeMisdirected      Code = "misdirected"
	CodeConfig           Code = "config_invalid"
	CodeInternal         Code = "internal"
	CodeNotReady         Code = "not_ready"
	CodeNotSaved         Code = "not_saved"
	CodeTooManyStreams   Code = "too_many_streams"
)

// Codes lists every Code, for the OpenAPI description.
func Codes() []Code {
	return []Code{
		CodeInvalid, CodeForbidden, CodeCrossOrigin, CodeNotFound, CodeMethodNotAllowed,
		CodeNotAcceptable, CodeTimeout, CodeConflict, CodeTooLarge, CodeMediaType, CodeMisdirected,
		CodeConfig, CodeInternal, CodeNotReady, CodeNotSaved, CodeTooManyStreams,
	}
}

// problem makes a Problem; the request id is filled in when it is written.
func problem(httpStatus int, code Code, format string, args ...any) *Problem {
	return &Problem{
		Type:   "about:blank",
		Title:  http.StatusText(httpStatus),
		Status: httpStatus,
		Code:   code,
		Detail: fmt.Sprintf(format, args...),
	}
}

// Error is the detail and, for an invalid request, its faults.
func (p *Problem) Error() string {
	if p.Code != CodeInvalid || len(p.Errors) == 0 {
		return p.Detail
	}
	faults := make([]string, len(p.Errors))
	for i, f := range p.Errors {
		faults[i] = strings.TrimPrefix(f.Pointer, "/query/") + ": " + f.Detail
	}
	return p.Detail + " (" + strings.Join(faults, "; ") + ")"
}

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (*Problem) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

// forbidden is the answer to a call for which the door grants too little.
func forbidden(need role) *Problem {
	return problem(http.StatusForbidden, CodeForbidden,
		"this call needs the role %s, and the loopback address grants reading only: make it through the local pipe or socket, as the holdfast command does", need)
}

// problemOf maps what the rooms behind the API return.
func (s *Server) problemOf(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, status.ErrNotFound):
		return problem(http.StatusNotFound, CodeNotFound, "%v", err)
	case errors.Is(err, status.ErrConflict):
		return problem(http.StatusConflict, CodeConflict, "%v", err)
	case errors.Is(err, status.ErrInvalid):
		return problem(http.StatusUnprocessableEntity, CodeInvalid, "%v", err)
	case errors.Is(err, status.ErrNotSaved):
		return problem(http.StatusInsufficientStorage, CodeNotSaved, "%v", err)
	case errors.Is(err, status.ErrNotReady):
		return problem(http.StatusServiceUnavailable, CodeNotReady, "%v", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, CodeNotReady, "the request ended before its answer was ready: try again")
	default:
		c := callOf(ctx)
		s.opts.Log.Error("management call failed", zap.String("request_id", c.id), zap.Error(err))
		return problem(http.StatusInternalServerError, CodeInternal, "something failed inside Holdfast: its log has the cause under this request id")
	}
}

// problemOfConfig is the answer to a configuration that was not applied.
func problemOfConfig(revision int, problems config.Problems) *Problem {
	p := problem(http.StatusUnprocessableEntity, CodeConfig,
		"the configuration was not applied; revision %d stays in force", revision)
	p.Revision = revision
	for _, c := range problems {
		p.Errors = append(p.Errors, Fault{
			Detail: c.Message, Pointer: c.Pointer, Code: c.Code,
			File: c.File, Line: c.Line, Column: c.Column, Hint: c.Hint,
			Severity: c.Severity, Source: c.Source, Snippet: c.Snippet,
		})
	}
	return p
}

// ConfigProblems are the faults of a rejected configuration in the form in which a person reads them.
func (p *Problem) ConfigProblems() config.Problems {
	var problems config.Problems
	if p.Code != CodeConfig {
		return nil
	}
	for _, f := range p.Errors {
		problems = append(problems, config.Problem{
			Code: f.Code, Severity: f.Severity, Message: f.Detail, Hint: f.Hint, File: f.File, Line: f.Line,
			Column: f.Column, Source: f.Source, Pointer: f.Pointer, Snippet: f.Snippet,
		})
	}
	return problems
}

// problemOfHuma turns the errors that huma makes itself, about parameters and bodies, into ours.
func problemOfHuma(op *huma.Operation, m *huma.ErrorModel) *Problem {
	p := problem(m.Status, codeOf(m.Status), "%s", m.Detail)
	if m.Detail == "validation failed" {
		p.Detail = "the request is not valid"
	}
	for _, e := range m.Errors {
		f := Fault{Detail: e.Message}
		if e.Location != "" {
			f.Pointer = "/" + strings.ReplaceAll(e.Location, ".", "/")
		}
		if e.Message == "unknown query parameter" {
			f.Hint = knownParameters(op)
		}
		p.Errors = append(p.Errors, f)
	}
	return p
}

func knownParameters(op *huma.Operation) string {
	var names []string
	for _, param := range op.Parameters {
		if param.In == "query" {
			names = append(names, param.Name)
		}
	}
	if len(names) == 0 {
		return "this call takes no query parameters"
	}
	return "this call takes " + strings.Join(names, ", ")
}

func codeOf(httpStatus int) Code {
	switch httpStatus {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return CodeInvalid
	case http.StatusNotAcceptable:
		return CodeNotAcceptable
	case http.StatusRequestTimeout:
		return CodeTimeout
	case http.StatusRequestEntityTooLarge:
		return CodeTooLarge
	case http.StatusUnsupportedMediaType:
		return CodeMediaType
	default:
		return CodeInternal
	}
}

// transform runs on every body huma writes.
func transform(ctx huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		v = problemOfHuma(ctx.Operation(), m)
	}
	if p, ok := v.(*Problem); ok {
		p.RequestID = callOf(ctx.Context()).id
	}
	return v, nil
}

// writeProblem answers from a huma middleware.
func (s *Server) writeProblem(ctx huma.Context, p *Problem) {
	p.RequestID = callOf(ctx.Context()).id
	ctx.SetHeader("Content-Type", problemJSON)
	ctx.SetStatus(p.Status)
	_ = writeJSON(ctx.BodyWriter(), p)
}

// serveProblem answers from plain handlers and from the guard.
func (s *Server) serveProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	p.RequestID = callOf(r.Context()).id
	body, err := json.Marshal(p)
	if err != nil {
		body = nil
	}
	w.Header().Set("Content-Type", problemJSON)
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}
