package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// role is what a caller may do; a higher one includes the lower ones.
type role int

const (
	// nobody is the zero value: an operation that forgets its role cannot be registered.
	nobody role = iota
	// viewer reads.
	viewer
	// operator starts, stops and restarts apps.
	operator
	// admin changes what runs.
	admin
)

// String is the role's public name.
func (r role) String() string {
	switch r {
	case viewer:
		return "viewer"
	case operator:
		return "operator"
	case admin:
		return "admin"
	case nobody:
		return "nobody"
	default:
		return fmt.Sprintf("role(%d)", int(r))
	}
}

// roleKey is the OpenAPI extension that tells an operation's role.
const roleKey = "x-holdfast-role"

// door is where a request came in.
type door int

const (
	// localDoor is the pipe or socket. The operating system admitted the caller.
	localDoor door = iota + 1
	// publicDoor is loopback TCP. Nothing is known about the caller until there are users.
	publicDoor
)

// grants is the role of whoever comes in through the door.
func (d door) grants() role {
	if d == localDoor {
		return admin
	}
	return viewer
}

// String is the door's name in the log.
func (d door) String() string {
	if d == localDoor {
		return "local"
	}
	return "public"
}

// call is what the guard knows about a request; every request that reaches a handler has one.
type call struct {
	id   string
	door door
}

type callKey struct{}

// callOf returns the zero call, which grants nothing, for a request that passed no guard.
func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// may reports whether the caller has the role.
func (c call) may(need role) bool {
	return c.door != 0 && need != nobody && c.door.grants() >= need
}

// register adds an operation that callers with the role may make. Errors of h become problems here.
func register[I, O any](s *Server, op huma.Operation, need role, h func(context.Context, *I) (*O, error)) {
	if need == nobody {
		panic("operation " + op.OperationID + " has no role")
	}
	op.Extensions = map[string]any{roleKey: need.String()}
	op.RejectUnknownQueryParameters = true
	if op.Method != http.MethodGet && op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		if !callOf(ctx.Context()).may(need) {
			s.writeProblem(ctx, forbidden(need))
			return
		}
		next(ctx)
	})
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return out, nil
	})
}

// handle adds a plain handler under the same rule.
func (s *Server) handle(path string, need role, h http.Handler) {
	s.router.Method(http.MethodGet, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !callOf(r.Context()).may(need) {
			s.serveProblem(w, r, forbidden(need))
			return
		}
		h.ServeHTTP(w, r)
	}))
}
