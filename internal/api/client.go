package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

var (
	// ErrNotRunning says that nobody answers at the local endpoint.
	ErrNotRunning = errors.New("Holdfast is not running") //nolint:staticcheck // a name
	// ErrDenied says that the operating system does not let us open the local endpoint.
	ErrDenied = errors.New("access denied")
)

const (
	// callTimeout bounds a call that is no stream.
	callTimeout = time.Minute
	// maxAnswer bounds what a call reads into memory.
	maxAnswer = 64 << 20
)

// Client drives a Holdfast through its local pipe or socket. It may be used by several goroutines.
//
// Errors of its methods: ErrNotRunning, ErrDenied, and a *Problem for whatever Holdfast answers.
type Client struct {
	http *http.Client
	base string
}

// Dial makes a Client for the endpoint; the first call connects.
func Dial(endpoint string) *Client {
	return &Client{
		base: "http://localhost",
		http: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := dialLocal(ctx, endpoint)
				if err != nil {
					return nil, dialError(endpoint, err)
				}
				return conn, nil
			},
			DisableCompression:  true,
			MaxIdleConnsPerHost: 2,
			IdleConnTimeout:     time.Minute,
		}},
	}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func dialError(endpoint string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s is not for this account", ErrDenied, endpoint)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no %s", ErrNotRunning, endpoint)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nobody answers at %s", ErrNotRunning, endpoint)
	default:
		return fmt.Errorf("%s: %w", endpoint, err)
	}
}

// Service tells about Holdfast itself.
func (c *Client) Service(ctx context.Context) (ServiceStatus, error) {
	return fetch[ServiceStatus](ctx, c, http.MethodGet, "/service", nil)
}

// Pause lets the gateway answer 503; Continue lets it serve again.
func (c *Client) Pause(ctx context.Context) (ServiceStatus, error) {
	return fetch[ServiceStatus](ctx, c, http.MethodPost, "/service/actions/pause", nil)
}

// Continue ends a Pause.
func (c *Client) Continue(ctx context.Context) (ServiceStatus, error) {
	return fetch[ServiceStatus](ctx, c, http.MethodPost, "/service/actions/continue", nil)
}

// Apps tells about every app, in the order of their ids and without their exits.
func (c *Client) Apps(ctx context.Context) ([]status.App, error) {
	return all[status.App](ctx, c, "/apps", nil)
}

// App tells about one app.
func (c *Client) App(ctx context.Context, id string) (status.App, error) {
	return fetch[status.App](ctx, c, http.MethodGet, "/apps/"+url.PathEscape(id), nil)
}

// Start starts an app; like Stop and Restart it returns before that is done.
func (c *Client) Start(ctx context.Context, id string) (Action, error) {
	return c.act(ctx, "start", id)
}

// Stop stops an app.
func (c *Client) Stop(ctx context.Context, id string) (Action, error) { return c.act(ctx, "stop", id) }

// Restart restarts an app.
func (c *Client) Restart(ctx context.Context, id string) (Action, error) {
	return c.act(ctx, "restart", id)
}

func (c *Client) act(ctx context.Context, action, id string) (Action, error) {
	return fetch[Action](ctx, c, http.MethodPost, actionPath(id, action), nil)
}

// Routes lists the gateway's routes, in the order of their ids.
func (c *Client) Routes(ctx context.Context) ([]Route, error) {
	return all[Route](ctx, c, "/routes", nil)
}

// TestRoute tells what the gateway would do with a request.
func (c *Client) TestRoute(ctx context.Context, q status.RouteQuery) (status.RouteTest, error) {
	b, err := jsonBody(q)
	if err != nil {
		return status.RouteTest{}, err
	}
	return fetch[status.RouteTest](ctx, c, http.MethodPost, "/routes/test", b)
}

// Config is the configuration in force, with masked secrets.
func (c *Client) Config(ctx context.Context) (ConfigView, error) {
	return fetch[ConfigView](ctx, c, http.MethodGet, "/config", nil)
}

// CheckConfig finds the problems of text as the main file.
func (c *Client) CheckConfig(ctx context.Context, text []byte) (ConfigCheck, error) {
	return fetch[ConfigCheck](ctx, c, http.MethodPost, "/config/check", &body{"application/yaml", text})
}

// Reload applies the configuration files. A rejected configuration is a *Problem with CodeConfig.
func (c *Client) Reload(ctx context.Context) (ConfigReload, error) {
	return fetch[ConfigReload](ctx, c, http.MethodPost, "/config/reload", nil)
}

// LogQuery narrows an app's lines; App is required.
type LogQuery struct {
	App, Instance, Stream string
	// Since leaves out older lines, unless it is zero.
	Since time.Time
	// Newest is how many of the newest lines are wanted (at most 500).
	Newest int
	// After continues a stream behind the entry with this ID.
	After string
	// Connected is called when a stream is open (nil: nobody needs to know).
	Connected func()
}

func (q LogQuery) path() string { return "/apps/" + url.PathEscape(q.App) + "/logs" }

func (q LogQuery) values() url.Values {
	v := values("instance", q.Instance, "stream", q.Stream)
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	return v
}

// Logs returns the newest lines, oldest first.
func (c *Client) Logs(ctx context.Context, q LogQuery) ([]status.Line, error) {
	query := q.values()
	query.Set("limit", strconv.Itoa(q.Newest))
	list, err := fetch[List[status.Line]](ctx, c, http.MethodGet, q.path()+"?"+query.Encode(), nil)
	return list.Data, err
}

// EventQuery narrows events; the zero value is all of them.
type EventQuery struct {
	App, Instance, Type, Severity string
	// Newest is how many of the newest events are wanted (at most 500).
	Newest int
	// After continues a stream behind the entry with this ID.
	After string
	// Connected is called when a stream is open (nil: nobody needs to know).
	Connected func()
}

func (q EventQuery) values() url.Values {
	return values("app", q.App, "instance", q.Instance, "type", q.Type, "severity", q.Severity)
}

// Events returns the newest events, newest first.
func (c *Client) Events(ctx context.Context, q EventQuery) ([]event.Event, error) {
	query := q.values()
	query.Set("limit", strconv.Itoa(q.Newest))
	list, err := fetch[List[event.Event]](ctx, c, http.MethodGet, "/events?"+query.Encode(), nil)
	return list.Data, err
}

// values is a query of those pairs whose value is not empty.
func values(pairs ...string) url.Values {
	v := make(url.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// all reads every page of a list.
func all[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	entries := []T{}
	for {
		page := url.Values{"limit": {"500"}, "offset": {strconv.Itoa(len(entries))}}
		for name, value := range query {
			page[name] = value
		}
		list, err := fetch[List[T]](ctx, c, http.MethodGet, path+"?"+page.Encode(), nil)
		if err != nil {
			return nil, err
		}
		entries = append(entries, list.Data...)
		if len(list.Data) == 0 || len(entries) >= list.Total {
			return entries, nil
		}
	}
}

// fetch makes one call and reads its JSON answer.
func fetch[T any](ctx context.Context, c *Client, method, path string, b *body) (T, error) {
	var out T
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.send(ctx, method, path, b, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&out); err != nil {
		return out, fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	return out, nil
}

// body is what a request carries.
type body struct {
	media string
	data  []byte
}

// jsonBody is v as a request's body.
func jsonBody(v any) (*body, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return &body{"application/json", data}, nil
}

// send returns a response of the 2xx class, whose body the caller closes, or the error it carries.
func (c *Client) send(ctx context.Context, method, path string, b *body, header http.Header) (*http.Response, error) {
	var reader io.Reader
	if b != nil {
		reader = bytes.NewReader(b.data)
		header.Set("Content-Type", b.media)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+prefix+path, reader)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		// url.Error would add a URL that means nothing to the reader.
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, readProblem(resp)
}

// readProblem is the error in a response; whoever answers with something else is no Holdfast.
func readProblem(resp *http.Response) error {
	p := new(Problem)
	err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(p)
	if err != nil || p.Status != resp.StatusCode || p.Code == "" {
		return fmt.Errorf("unexpected answer %s", resp.Status)
	}
	return p
}
