package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/config"
	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testListener has the defaults of package config, on a free port.
func testListener() config.Listener {
	return config.Listener{
		Address:           "127.0.0.1:0",
		HTTP2:             true,
		ReadHeaderTimeout: config.Duration(10 * time.Second),
		IdleTimeout:       config.Duration(2 * time.Minute),
		MaxHeaderSize:     32 << 10,
	}
}

// testConfig has one listener, "web".
func testConfig(routes map[string]config.Route) *config.Config {
	c := &config.Config{Listeners: map[string]config.Listener{"web": testListener()}, Routes: routes}
	c.Logging.Access.Enabled = true
	return c
}

// rig is a running gateway.
type rig struct {
	*Gateway
	t       *testing.T
	conf    *config.Config
	access  *lines
	metrics *prometheus.Registry
	set     *upstream.Set
	stop    func() error
}

// start runs a gateway for the length of the test.
func start(t *testing.T, c *config.Config, edit ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, conf: c, access: &lines{}, metrics: prometheus.NewRegistry(), set: upstream.NewSet()}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "timestamp", LevelKey: "level", MessageKey: "message",
		EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
	o := Options{
		Access:    zap.New(zapcore.NewCore(encoder, zapcore.AddSync(r.access), zapcore.InfoLevel)),
		Metrics:   r.metrics,
		Upstreams: r.set,
	}
	for _, f := range edit {
		f(&o)
	}
	r.Gateway = New(o)
	if err := r.Listen(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		r.set.Close()
		return err
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// url is the address of listener "web" with path.
func (r *rig) url(path string) string { return "http://" + r.Addrs()["web"] + path }

// reload applies the configuration after edit changed a copy of its maps.
func (r *rig) reload(edit func(*config.Config)) {
	r.t.Helper()
	c := *r.conf
	c.Listeners, c.Routes, c.Certificates = maps.Clone(c.Listeners), maps.Clone(c.Routes), maps.Clone(c.Certificates)
	edit(&c)
	if err := r.Apply(r.t.Context(), &c); err != nil {
		r.t.Fatal(err)
	}
	r.conf = &c
}

// ready makes a server an instance of app "shop".
func (r *rig) ready(instance string, server *httptest.Server) status.Target {
	t := status.Target{App: "shop", Instance: instance, Address: server.Listener.Addr().String()}
	r.set.SetReady(t, true)
	return t
}

// lines collects what a logger writes.
type lines struct {
	mu  sync.Mutex
	all []map[string]any
	got chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	var m map[string]any
	if err := json.Unmarshal(p, &m); err != nil {
		m = map[string]any{"broken": string(p)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, m)
	if l.got != nil {
		close(l.got)
		l.got = nil
	}
	return len(p), nil
}

// wait returns the first line that fits.
func (l *lines) wait(t *testing.T, fits func(map[string]any) bool) map[string]any {
	t.Helper()
	seen := 0
	for {
		l.mu.Lock()
		for ; seen < len(l.all); seen++ {
			if m := l.all[seen]; fits(m) {
				l.mu.Unlock()
				return m
			}
		}
		if l.got == nil {
			l.got = make(chan struct{})
		}
		got := l.got
		l.mu.Unlock()
		select {
		case <-got:
		case <-t.Context().Done():
			t.Fatal("no such line")
		}
	}
}

// echo tells what an upstream saw.
type echo struct {
	Method string      `json:"method"`
	URI    string      `json:"uri"`
	Path   string      `json:"path"`
	Host   string      `json:"host"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

// backend starts a server for the length of the test.
func backend(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func echoHandler(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(echo{r.Method, r.RequestURI, r.URL.Path, r.Host, r.Header, string(body)})
}

// client returns a client that follows no redirect, keeps its connections to itself and trusts
// any certificate.
func testClient(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	var p http.Protocols
	p.SetHTTP1(!http2)
	p.SetHTTP2(http2)
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: &p, MaxIdleConnsPerHost: 100}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// reply is an answer that was read to its end.
type reply struct {
	StatusCode    int
	Proto         string
	ProtoMajor    int
	Header        http.Header
	ContentLength int64
	Close         bool
}

func replyOf(r *http.Response) reply {
	return reply{r.StatusCode, r.Proto, r.ProtoMajor, r.Header, r.ContentLength, r.Close}
}

// get sends a request and reads the whole answer.
func get(t *testing.T, c *http.Client, method, url string, header ...string) (reply, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
		}
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return replyOf(res), string(body)
}

// raw sends bytes and reads one answer, which may be cut off by the end of the connection.
func raw(t *testing.T, address, request string) (reply, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer to %q: %v", request, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	return replyOf(res), string(body)
}

// problemCode is the code of a problem+json answer.
func problemCode(t *testing.T, res reply, body string) string {
	t.Helper()
	if ct := res.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("status %d: Content-Type = %q, want a problem; body %q", res.StatusCode, ct, body)
		return ""
	}
	var p problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Errorf("problem %q: %v", body, err)
	}
	if p.Status != res.StatusCode || p.RequestID == "" || p.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("problem %+v does not fit the answer %d %v", p, res.StatusCode, res.Header)
	}
	return p.Code
}

// appRoute sends everything to app "shop".
func appRoute() map[string]config.Route {
	return map[string]config.Route{"shop": {App: "shop", Timeout: config.Duration(30 * time.Second)}}
}

// metric sums the samples of a metric that have the given labels: the value of a counter or gauge,
// the count of a histogram.
func (r *rig) metric(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			fits := true
			for i := 0; i < len(labels); i += 2 {
				fits = fits && have[labels[i]] == labels[i+1]
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}
