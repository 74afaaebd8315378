package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Scale makes n instances the wanted number; a negative n is the number of the configuration.
func (c *Client) Scale(ctx context.Context, id string, n int) (Action, error) {
	request := ScaleRequest{Reset: n < 0}
	if n >= 0 {
		request.Instances = &n
	}
	return c.actWith(ctx, "scale", id, request)
}

// Maintain begins or ends the maintenance of an app; with a duration of 0 somebody has to end it.
func (c *Client) Maintain(ctx context.Context, id string, on bool, note string, d time.Duration) (Action, error) {
	request := MaintenanceRequest{On: on, Note: note}
	if d > 0 {
		request.For = config.Duration(d).String()
	}
	return c.actWith(ctx, "maintenance", id, request)
}

func (c *Client) actWith(ctx context.Context, action, id string, request any) (Action, error) {
	b, err := jsonBody(request)
	if err != nil {
		return Action{}, err
	}
	return fetch[Action](ctx, c, http.MethodPost, actionPath(id, action), b)
}

func actionPath(id, action string) string {
	return "/apps/" + url.PathEscape(id) + "/actions/" + action
}

// Measure is App with usage that is measured now.
func (c *Client) Measure(ctx context.Context, id string) (status.App, error) {
	return fetch[status.App](ctx, c, http.MethodGet, "/apps/"+url.PathEscape(id)+"?fresh=true", nil)
}

// Exits are the newest ends of an instance's processes, newest first.
func (c *Client) Exits(ctx context.Context, app, instance string) ([]status.Exit, error) {
	return all[status.Exit](ctx, c, "/apps/"+url.PathEscape(app)+"/instances/"+url.PathEscape(instance)+"/exits", nil)
}

// Calibrate tries the stop methods of an app, reports each one when it has been tried, and returns
// what they lead to. A grace of 0 is the app's own.
func (c *Client) Calibrate(ctx context.Context, id string, grace time.Duration, report func(status.StopTrial)) (Calibration, error) {
	var request CalibrateRequest
	if grace > 0 {
		request.Grace = config.Duration(grace).String()
	}
	var result Calibration
	b, err := jsonBody(request)
	if err != nil {
		return result, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.send(ctx, http.MethodPost, actionPath(id, "calibrate"), b, http.Header{"Accept": {eventStream}})
	if err != nil {
		return result, err
	}
	defer func() { _ = resp.Body.Close() }()
	for m, err := range readEvents(resp.Body) {
		if err != nil {
			return result, err
		}
		switch m.name {
		case "trial":
			var t status.StopTrial
			if err := json.Unmarshal(m.data, &t); err != nil {
				return result, fmt.Errorf("stream: event %q: %w", m.name, err)
			}
			report(t)
		case "problem":
			p := new(Problem)
			if err := json.Unmarshal(m.data, p); err != nil {
				return result, fmt.Errorf("stream: event %q: %w", m.name, err)
			}
			return result, p
		case "result":
			if err := json.Unmarshal(m.data, &result); err != nil {
				return result, fmt.Errorf("stream: event %q: %w", m.name, err)
			}
			return result, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return result, err
	}
	return result, errors.New("the calibration was broken off, because Holdfast is stopping")
}
