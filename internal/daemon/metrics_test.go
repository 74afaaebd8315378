package daemon

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "write the reference page of the metrics")

// TestMetricsPage keeps configs/METRICS.md in step with what is registered: names and labels are a
// contract with dashboards and alert rules.
func TestMetricsPage(t *testing.T) {
	r := start(t, listeners)
	descriptions := make(chan *prometheus.Desc)
	go func() {
		r.d.registry.Describe(descriptions)
		close(descriptions)
	}()
	// A Desc tells its parts only in this form.
	parts := regexp.MustCompile(`^Desc\{fqName: "(.*?)", help: "(.*?)"(?:, unit: ".*?")?, constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}\}$`)
	constName := regexp.MustCompile(`(\w+)="[^"]*"`)
	var rows []string
	for d := range descriptions {
		m := parts.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("cannot read %s", d)
		}
		if !strings.HasPrefix(m[1], "holdfast_") {
			continue // of the Go runtime and the process
		}
		var labels []string
		for _, c := range constName.FindAllStringSubmatch(strings.ReplaceAll(m[3], `\"`, `"`), -1) {
			labels = append(labels, c[1])
		}
		if m[4] != "" {
			labels = append(labels, strings.Split(m[4], ",")...)
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", m[1], strings.Join(labels, ", "), m[2]))
	}
	slices.Sort(rows)
	page := `# Metrics

What ` + "`/metrics`" + ` of the management API tells, beside the standard series of a Go process (` + "`go_`, `process_`" + `).
Units are in the names; a name that ends in ` + "`_total`" + ` is a counter. The series of an app or a route end with it.

| name | labels | meaning |
| --- | --- | --- |
` + strings.Join(slices.Compact(rows), "")

	file := filepath.Join("..", "..", "configs", "METRICS.md")
	if *update {
		write(t, file, page)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page, string(got)); diff != "" {
		t.Errorf("configs/METRICS.md is out of date, run go test ./internal/daemon -update (-want +got):\n%s", diff)
	}
}
