package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestScaleAndMaintain(t *testing.T) {
	const actions = "/api/v1/apps/shop/actions/"
	for _, test := range []struct {
		path, body string
		want       string // what is done; empty: the request is refused
		pointer    string
	}{
		{"scale", `{"instances":4}`, "scale 4 shop", ""},
		{"scale", `{"instances":0}`, "scale 0 shop", ""},
		{"scale", `{"reset":true}`, "scale -1 shop", ""},
		{"scale", `{"instances":4,"reset":true}`, "", "/body"},
		{"scale", `{}`, "", "/body"},
		{"scale", `{"instances":-1}`, "", "/body/instances"},
		{"scale", `{"INSTANCES":-1,"instances":4,"Instances":-1}`, "", "/body/instances"},
		{"scale", `{"instances":1001}`, "", "/body/instances"},
		{"scale", `{"instances":"4"}`, "", "/body/instances"},
		{"scale", `{"instances":4,"now":true}`, "", "/body/now"},
		{"maintenance", `{"on":true}`, `maintain true "" 0s shop`, ""},
		{"maintenance", `{"on":true,"note":"new disk","for":"30m"}`, `maintain true "new disk" 30m0s shop`, ""},
		{"maintenance", `{"on":false}`, `maintain false "" 0s shop`, ""},
		{"maintenance", `{"on":false,"note":"done"}`, "", "/body"},
		{"maintenance", `{"on":true,"for":"30"}`, "", "/body/for"},
		{"maintenance", `{"on":true,"for":"0s"}`, "", "/body/for"},
		{"maintenance", `{"on":true,"for":"-1h"}`, "", "/body/for"},
		{"maintenance", `{"note":"x"}`, "", "/body"},
		{"maintenance", `{"on":true,"note":"` + strings.Repeat("x", 501) + `"}`, "", "/body/note"},
		{"calibrate", `{"grace":"soon"}`, "", "/body/grace"},
	} {
		t.Run(test.path+test.body[:min(len(test.body), 60)], func(t *testing.T) {
			s, f := newTestServer(t)
			r := ask(t, s.LocalHandler(), http.MethodPost, actions+test.path, withBody(test.body), withHeader("Content-Type", "application/json"))
			if test.want == "" {
				p := wantProblem(t, r, http.StatusUnprocessableEntity, CodeInvalid)
				if !slices.ContainsFunc(p.Errors, func(f Fault) bool { return f.Pointer == test.pointer }) || f.actions != nil {
					t.Errorf("did %v, faults %+v, want one at %s", f.actions, p.Errors, test.pointer)
				}
				return
			}
			if a := decode[Action](t, r); r.StatusCode != http.StatusAccepted || a.App != "shop" || a.Action != test.path || r.Header.Get("Location") != "/api/v1/apps/shop" {
				t.Errorf("status %d, %+v", r.StatusCode, a)
			}
			if !slices.Equal(f.actions, []string{test.want}) {
				t.Errorf("did %q, want %q", f.actions, test.want)
			}
		})
	}
}

func TestControlErrors(t *testing.T) {
	s, f := newTestServer(t)
	f.fail = fmt.Errorf("app %q has max_instances 3: %w", "shop", status.ErrConflict)
	for path, body := range map[string]string{"scale": `{"instances":4}`, "maintenance": `{"on":true}`} {
		p := wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/shop/actions/"+path, withBody(body)), http.StatusConflict, CodeConflict)
		if !strings.Contains(p.Detail, "max_instances 3") {
			t.Errorf("%s: %s", path, p.Detail)
		}
		wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/nope/actions/"+path, withBody(body)), http.StatusNotFound, CodeNotFound)
	}
	wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/nope/actions/calibrate"), http.StatusNotFound, CodeNotFound)
}

func TestFreshUsage(t *testing.T) {
	s, f := newTestServer(t)
	for _, query := range []string{"", "?fresh=false"} {
		if r := ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/apps/shop"+query); r.StatusCode != http.StatusOK {
			t.Errorf("%q: status %d", query, r.StatusCode)
		}
	}
	wantProblem(t, ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/apps/shop?fresh=true"), http.StatusForbidden, CodeForbidden)
	if f.actions != nil {
		t.Errorf("a stranger made Holdfast do %v", f.actions)
	}
	a := decode[status.App](t, ask(t, s.LocalHandler(), http.MethodGet, "/api/v1/apps/shop?fresh=true"))
	if a.ID != "shop" || !slices.Equal(f.actions, []string{"measure shop"}) {
		t.Errorf("did %v, got %+v", f.actions, a)
	}
}

func TestListExits(t *testing.T) {
	s, f := newTestServer(t)
	list := decode[List[status.Exit]](t, ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/apps/shop/instances/shop-2/exits"))
	if diff := cmp.Diff(List[status.Exit]{Data: f.apps[0].Instances[1].Exits, Total: 1}, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/apps/shop/instances/shop-1/exits"); strings.TrimSpace(r.body) != `{"data":[],"total":0}` {
		t.Errorf("no ends: %s", r.body)
	}
	wantProblem(t, ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/apps/shop/instances/shop-9/exits"), http.StatusNotFound, CodeNotFound)
	wantProblem(t, ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/apps/nope/instances/shop-1/exits"), http.StatusNotFound, CodeNotFound)
}

func trial(method string, clean bool, seconds float64) status.StopTrial {
	return status.StopTrial{Method: method, Clean: clean, Seconds: seconds, Exit: &status.Exit{Text: "exit code 0", Graceful: clean}}
}

func TestCalibrationStream(t *testing.T) {
	s, f := newTestServer(t)
	f.trials = []status.StopTrial{trial("sigterm", false, 10), trial("ctrl_c", true, 0.2)}
	post := func(r *http.Request) { r.Method = http.MethodPost }
	w := watch(t, s.LocalHandler(), "/api/v1/apps/shop/actions/calibrate", post, withBody(`{"grace":"10s"}`), withHeader("Content-Type", "application/json"))
	w.want(": connected",
		`event: trial`+"\n"+`data: {"method":"sigterm","clean":false,"seconds":10,`,
		`event: trial`+"\n"+`data: {"method":"ctrl_c","clean":true,`,
		`event: result`+"\n"+`data: {"app":"shop","configured":"sigterm","method":"ctrl_c","seconds":0.2,"config":["apps:","  shop:","    stop: {method: ctrl_c}"],"trials":[{"method":"sigterm",`)
	if want := []string{"calibrate 10s shop"}; !slices.Equal(f.actions, want) {
		t.Errorf("did %q, want %q", f.actions, want)
	}
}

func TestCalibrationThatFails(t *testing.T) {
	s, f := newTestServer(t)
	f.fail = fmt.Errorf("app %q is being calibrated: %w", "shop", status.ErrConflict)
	post := func(r *http.Request) { r.Method = http.MethodPost }
	watch(t, s.LocalHandler(), "/api/v1/apps/shop/actions/calibrate", post).want(": connected", `event: problem`+"\n"+`data: {"type":"about:blank","title":"Conflict","status":409,"code":"conflict",`)
}

// TestCalibrationEndsWithItsReader would hang at the end of the test server otherwise, and leave a
// goroutine behind.
func TestCalibrationEndsWithItsReader(t *testing.T) {
	s, f := newTestServer(t)
	f.trials, f.stuck = []status.StopTrial{trial("sigterm", true, 1)}, true
	post := func(r *http.Request) { r.Method = http.MethodPost }
	w := watch(t, s.LocalHandler(), "/api/v1/apps/shop/actions/calibrate", post)
	w.want(": connected", "event: trial")
	_ = w.resp.Body.Close()
}

func TestCalibrationsAreBounded(t *testing.T) {
	f := newFakes()
	f.stuck = true
	o := f.options()
	o.MaxStreams = 1
	s := New(o)
	post := func(r *http.Request) { r.Method = http.MethodPost }
	w := watch(t, s.LocalHandler(), "/api/v1/apps/shop/actions/calibrate", post)
	w.want(": connected")
	wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/shop/actions/calibrate"), http.StatusServiceUnavailable, CodeTooManyStreams)
}

func TestRecommendation(t *testing.T) {
	stop := config.Stop{Method: config.StopSigterm, Grace: config.Duration(15 * time.Second), HTTP: &config.StopHTTP{Path: "/quit: now"}}
	for _, test := range []struct {
		name   string
		app    string
		trials []status.StopTrial
		method string
		line   string
	}{
		{"nothing is clean", "shop", []status.StopTrial{trial("sigterm", false, 0.1)}, "", ""},
		{"the only clean one", "shop", []status.StopTrial{trial("sigterm", false, 0.1), trial("stdin_close", true, 3)}, "stdin_close", "    stop: {method: stdin_close}"},
		{"the method in force among equals", "shop", []status.StopTrial{trial("ctrl_c", true, 0.1), trial("sigterm", true, 0.3)}, "sigterm", "    stop: {method: sigterm}"},
		{"one that is clearly sooner", "shop", []status.StopTrial{trial("sigterm", true, 9), trial("ctrl_c", true, 0.1)}, "ctrl_c", "    stop: {method: ctrl_c}"},
		{"the first among equals", "shop", []status.StopTrial{trial("sigterm", false, 9), trial("ctrl_c", true, 0.2), trial("ctrl_break", true, 0.1)}, "ctrl_c", "    stop: {method: ctrl_c}"},
		{"it needs a longer grace", "shop", []status.StopTrial{trial("sigterm", true, 9.2)}, "sigterm", "    stop: {method: sigterm, grace: 19s}"},
		{"http keeps its path", "shop", []status.StopTrial{trial("http", true, 1)}, "http", "    stop: {method: http, http: {path: '/quit: now'}}"},
		{"a name that YAML would take for something else", "on", []status.StopTrial{trial("sigterm", true, 1)}, "sigterm", "    stop: {method: sigterm}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			best, ok := recommended(test.trials, "sigterm")
			if ok != (test.method != "") || best.Method != test.method {
				t.Fatalf("recommended %q, want %q", best.Method, test.method)
			}
			if !ok {
				return
			}
			lines := stopLines(test.app, stop, best)
			if len(lines) != 3 || lines[2] != test.line {
				t.Errorf("lines %q, want the last to be %q", lines, test.line)
			}
			if test.app == "on" && lines[1] != `  "on":` {
				t.Errorf("line %q takes the name for a truth value", lines[1])
			}
		})
	}
}

func TestClientControls(t *testing.T) {
	s, f := newTestServer(t)
	f.trials = []status.StopTrial{trial("sigterm", true, 0.2)}
	client, _ := serveLocal(t, s)
	ctx := t.Context()
	if a, err := client.Scale(ctx, "shop", 3); err != nil || a.Action != "scale" {
		t.Errorf("Scale: %+v, %v", a, err)
	}
	if _, err := client.Scale(ctx, "shop", -1); err != nil {
		t.Error(err)
	}
	if a, err := client.Maintain(ctx, "shop", true, "new disk", 90*time.Minute); err != nil || a.Action != "maintenance" {
		t.Errorf("Maintain: %+v, %v", a, err)
	}
	if _, err := client.Maintain(ctx, "shop", false, "", 0); err != nil {
		t.Error(err)
	}
	if a, err := client.Measure(ctx, "shop"); err != nil || a.ID != "shop" {
		t.Errorf("Measure: %+v, %v", a, err)
	}
	if exits, err := client.Exits(ctx, "shop", "shop-2"); err != nil || len(exits) != 1 || exits[0].LastLines == nil {
		t.Errorf("Exits: %+v, %v", exits, err)
	}
	var reported []string
	result, err := client.Calibrate(ctx, "shop", 5*time.Second, func(t status.StopTrial) { reported = append(reported, t.Method) })
	if err != nil || result.Method != "sigterm" || !slices.Equal(reported, []string{"sigterm"}) {
		t.Errorf("Calibrate: %+v, %v, reported %v", result, err, reported)
	}
	want := []string{"scale 3 shop", "scale -1 shop", `maintain true "new disk" 1h30m0s shop`, `maintain false "" 0s shop`, "measure shop", "calibrate 5s shop"}
	if diff := cmp.Diff(want, f.actions); diff != "" {
		t.Errorf("did (-want +got):\n%s", diff)
	}
	f.fail = fmt.Errorf("app %q is being calibrated: %w", "shop", status.ErrConflict)
	if _, err := client.Calibrate(ctx, "shop", 0, nil); !isCode(err, CodeConflict) {
		t.Errorf("Calibrate twice: %v", err)
	}
	if _, err := client.Calibrate(ctx, "nope", 0, nil); !isCode(err, CodeNotFound) {
		t.Errorf("Calibrate nobody: %v", err)
	}
}

func isCode(err error, code Code) bool {
	p, ok := err.(*Problem) //nolint:errorlint // nothing wraps it
	return ok && p.Code == code
}
