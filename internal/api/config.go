package api

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/config"
)

// ConfigView is the configuration in force.
type ConfigView struct {
	Revision int      `json:"revision" doc:"Counts the configurations that were applied."`
	Hash     string   `json:"hash" doc:"Identifies the effective configuration."`
	Files    []string `json:"files" nullable:"false" doc:"The files and folders it was read from."`
	// Config is the merged tree. Environment variables are masked for everybody; for a stranger on
	// the loopback address so are the arguments of commands and the headers of probes.
	Config map[string]any `json:"config" doc:"The merged configuration with all defaults. Environment variables are masked; on the loopback address so are the arguments of commands and the headers of probes, which may hold secrets too."`
}

// ConfigCheck is what is wrong with a configuration.
type ConfigCheck struct {
	Valid    bool            `json:"valid" doc:"True when it could be applied."`
	Errors   int             `json:"errors" doc:"How many errors there are."`
	Warnings int             `json:"warnings" doc:"How many warnings there are."`
	Problems config.Problems `json:"problems" nullable:"false" doc:"All of them, in the order of the file."`
}

// ConfigReload is the outcome of a reload that was applied.
type ConfigReload struct {
	Revision int `json:"revision" doc:"The revision that is in force now."`
	// Changed is false when the files say the same as before.
	Changed  bool            `json:"changed" doc:"False when the files say the same as before."`
	Warnings config.Problems `json:"warnings" nullable:"false" doc:"Problems that did not keep it from being applied."`
}

func (s *Server) registerConfig() {
	register(s, huma.Operation{
		OperationID: "get-config", Method: http.MethodGet, Path: prefix + "/config", Tags: []string{"Config"},
		Summary: "The configuration in force, without its secrets",
	}, viewer, s.getConfig)
	register(s, huma.Operation{
		OperationID: "check-config", Method: http.MethodPost, Path: prefix + "/config/check", Tags: []string{"Config"},
		Summary:      "Check a configuration and change nothing",
		Description:  "The body is the text of a main file, taken in place of the present one: conf.d, environment and command line are laid over it.",
		MaxBodyBytes: maxBody,
		RequestBody: &huma.RequestBody{
			Description: "The text of a main file.", Required: true,
			Content: map[string]*huma.MediaType{"application/yaml": {Schema: &huma.Schema{Type: huma.TypeString}}},
		},
	}, admin, s.checkConfig)
	register(s, huma.Operation{
		OperationID: "reload-config", Method: http.MethodPost, Path: prefix + "/config/reload", Tags: []string{"Config"},
		Summary:     "Read the configuration files again and apply them",
		Description: "With an error nothing changes: the answer is 422 with every problem in errors, and the revision that stays in force.",
	}, admin, s.reloadConfig)
}

type configOutput struct{ Body ConfigView }

func (s *Server) getConfig(ctx context.Context, _ *struct{}) (*configOutput, error) {
	snapshot := s.opts.Config.Snapshot()
	tree, err := plainTree(snapshot.Redacted())
	if err != nil {
		return nil, err
	}
	if !callOf(ctx).may(admin) {
		maskForStrangers(tree, nil)
	}
	return &configOutput{ConfigView{
		Revision: s.opts.Config.Revision(),
		Hash:     snapshot.Hash,
		Files:    append([]string{}, snapshot.Files...),
		Config:   tree,
	}}, nil
}

// plainTree is a copy of tree that holds nothing but JSON's own types.
func plainTree(tree map[string]any) (map[string]any, error) {
	data, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("encode the configuration: %w", err)
	}
	plain := make(map[string]any)
	if len(tree) == 0 {
		return plain, nil
	}
	if err := json.Unmarshal(data, &plain); err != nil {
		return nil, fmt.Errorf("encode the configuration: %w", err)
	}
	return plain, nil
}

// maskForStrangers masks what may hold a secret although it is not meant to: every account of the
// machine can read the loopback address. node is changed.
func maskForStrangers(node any, path []string) {
	switch n := node.(type) {
	case map[string]any:
		for key, child := range n {
			if _, leaf := child.(string); leaf && mayHoldSecret(path) {
				n[key] = config.Mask
				continue
			}
			maskForStrangers(child, append(path, key))
		}
	case []any:
		for i := range n {
			// The program's own path says what runs; its arguments may be a password.
			if i > 0 && len(path) == 3 && path[0] == "apps" && path[2] == "command" {
				n[i] = config.Mask
				continue
			}
			maskForStrangers(n[i], path)
		}
	}
}

// mayHoldSecret is about the map at path: apps/*/env and apps/*/*_probe/http_get/headers.
func mayHoldSecret(path []string) bool {
	if len(path) < 3 || path[0] != "apps" {
		return false
	}
	return len(path) == 3 && path[2] == "env" ||
		len(path) == 5 && strings.HasSuffix(path[2], "_probe") && path[4] == "headers"
}

type checkInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/yaml" doc:"The text of a main file."`
}

type checkOutput struct{ Body ConfigCheck }

func (s *Server) checkConfig(ctx context.Context, in *checkInput) (*checkOutput, error) {
	media, _, err := mime.ParseMediaType(in.ContentType)
	if in.ContentType != "" && (err != nil || !slices.Contains([]string{"application/yaml", "application/x-yaml", "text/yaml"}, media)) {
		return nil, problem(http.StatusUnsupportedMediaType, CodeMediaType,
			"%.50q is not a configuration's type: send the file as it is, with Content-Type: application/yaml", in.ContentType)
	}
	problems := s.opts.Config.Check(ctx, in.RawBody)
	return &checkOutput{ConfigCheck{
		Valid:    problems.Errors() == 0,
		Errors:   problems.Errors(),
		Warnings: problems.Warnings(),
		Problems: append(config.Problems{}, problems...),
	}}, nil
}

type reloadOutput struct{ Body ConfigReload }

func (s *Server) reloadConfig(ctx context.Context, _ *NoBody) (*reloadOutput, error) {
	before := s.opts.Config.Revision()
	// Half a reload helps nobody: it goes on when the caller leaves.
	revision, problems := s.opts.Config.Reload(context.WithoutCancel(ctx))
	if problems.Errors() > 0 {
		return nil, problemOfConfig(revision, problems)
	}
	return &reloadOutput{ConfigReload{
		Revision: revision,
		Changed:  revision != before,
		Warnings: append(config.Problems{}, problems...),
	}}, nil
}
