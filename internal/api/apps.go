package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/status"
)

// AppPath is the app that a path names.
type AppPath struct {
	ID string `path:"id" maxLength:"64" doc:"The app's name." example:"shop"`
}

type appsInput struct {
	Page
	Sort      string `query:"sort" enum:"id,-id,restarts,-restarts,since,-since" default:"id" doc:"The order; a minus sign turns it around."`
	State     string `query:"state" enum:"pending,starting,running,draining,stopping,backoff,crash_loop,stopped,exited" doc:"Only apps that have an instance in this state."`
	Condition string `query:"condition" enum:"healthy,degraded,down,stopped,maintenance" doc:"Only apps in this condition."`
}

func (s *Server) registerApps() {
	register(s, huma.Operation{
		OperationID: "list-apps", Method: http.MethodGet, Path: prefix + "/apps", Tags: []string{"Apps"},
		Summary:     "List the apps",
		Description: "The ends of earlier processes (exits) are left out; one app alone has them.",
	}, viewer, s.listApps)
	register(s, huma.Operation{
		OperationID: "get-app", Method: http.MethodGet, Path: prefix + "/apps/{id}", Tags: []string{"Apps"},
		Summary: "One app with its instances",
	}, viewer, s.getApp)
	register(s, huma.Operation{
		OperationID: "list-instances", Method: http.MethodGet, Path: prefix + "/apps/{id}/instances", Tags: []string{"Apps"},
		Summary: "List the instances of an app",
	}, viewer, s.listInstances)
	register(s, huma.Operation{
		OperationID: "list-exits", Method: http.MethodGet, Path: prefix + "/apps/{id}/instances/{instance}/exits", Tags: []string{"Apps"},
		Summary:     "How the processes of an instance ended",
		Description: "The newest ten ends, newest first, each with all that is known about it.",
	}, viewer, s.listExits)
}

func (s *Server) listApps(_ context.Context, in *appsInput) (*listOutput[status.App], error) {
	apps := slices.Clone(s.opts.Apps.Apps())
	apps = slices.DeleteFunc(apps, func(a status.App) bool {
		return in.Condition != "" && string(a.Condition) != in.Condition || in.State != "" && !hasState(a, status.State(in.State))
	})
	sortApps(apps, in.Sort)
	list := cut(apps, in.Page)
	for i := range list.Data {
		list.Data[i].Instances = withoutHistory(list.Data[i].Instances)
	}
	return &listOutput[status.App]{list}, nil
}

func hasState(a status.App, want status.State) bool {
	return slices.ContainsFunc(a.Instances, func(i status.Instance) bool { return i.State == want })
}

// sortApps falls back on the id, so that pages do not overlap.
func sortApps(apps []status.App, by string) {
	key, descending := strings.CutPrefix(by, "-")
	slices.SortFunc(apps, func(a, b status.App) int {
		var c int
		switch key {
		case "restarts":
			c = cmp.Compare(restarts(a), restarts(b))
		case "since":
			c = a.Since.Compare(b.Since)
		}
		c = cmp.Or(c, strings.Compare(a.ID, b.ID))
		if descending {
			return -c
		}
		return c
	})
}

func restarts(a status.App) (n int) {
	for _, i := range a.Instances {
		n += i.Restarts
	}
	return n
}

// withoutHistory keeps lists small: fifty lines and ten probe results for each of ten ends of each
// instance are for whoever looks at one app.
func withoutHistory(instances []status.Instance) []status.Instance {
	short := append([]status.Instance{}, instances...)
	for i := range short {
		short[i].Exits = nil
		if last := short[i].LastExit; last != nil {
			exit := *last
			exit.LastLines, exit.Probes = nil, nil
			short[i].LastExit = &exit
		}
	}
	return short
}

type appOutput struct{ Body status.App }

type appInput struct {
	AppPath
	Fresh bool `query:"fresh" doc:"Measure now what the instances use, at most once a second, in place of the newest measurement. It needs the role operator."`
}

func (s *Server) getApp(ctx context.Context, in *appInput) (*appOutput, error) {
	app, err := s.app(ctx, in)
	if err != nil {
		return nil, err
	}
	if app.Instances == nil {
		app.Instances = []status.Instance{}
	}
	return &appOutput{app}, nil
}

// app measures for callers that may do more than read: to others a measurement is work that they
// could ask for without end.
func (s *Server) app(ctx context.Context, in *appInput) (status.App, error) {
	if !in.Fresh {
		return s.opts.Apps.App(in.ID)
	}
	if !callOf(ctx).may(operator) {
		return status.App{}, forbidden(operator)
	}
	return s.opts.Apps.Measure(ctx, in.ID)
}

type instancesInput struct {
	AppPath
	Page
}

func (s *Server) listInstances(_ context.Context, in *instancesInput) (*listOutput[status.Instance], error) {
	app, err := s.opts.Apps.App(in.ID)
	if err != nil {
		return nil, err
	}
	return &listOutput[status.Instance]{cut(app.Instances, in.Page)}, nil
}

type exitsInput struct {
	AppPath
	Instance string `path:"instance" maxLength:"80" doc:"The instance's name." example:"shop-1"`
	Page
}

func (s *Server) listExits(_ context.Context, in *exitsInput) (*listOutput[status.Exit], error) {
	app, err := s.opts.Apps.App(in.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(app.Instances, func(i status.Instance) bool { return i.ID == in.Instance })
	if i < 0 {
		return nil, fmt.Errorf("instance %q of app %q: %w", in.Instance, in.ID, status.ErrNotFound)
	}
	return &listOutput[status.Exit]{cut(app.Instances[i].Exits, in.Page)}, nil
}
