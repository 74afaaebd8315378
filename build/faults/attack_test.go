//go:build faults && linux

package faults

import (
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// attack asks the gateway for /info at a constant rate, whatever the answers take.
func attack(address string, rate int, length time.Duration) *vegeta.Metrics {
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: "http://" + address + "/info"})
	attacker := vegeta.NewAttacker(vegeta.Timeout(30*time.Second), vegeta.Workers(20), vegeta.MaxWorkers(2000))
	var m vegeta.Metrics
	for result := range attacker.Attack(target, vegeta.Rate{Freq: rate, Per: time.Second}, length, "") {
		m.Add(result)
	}
	m.Close()
	return &m
}

// failures is how many requests of an attack were not answered well.
func failures(m *vegeta.Metrics) int {
	bad := 0
	for code, n := range m.StatusCodes {
		if code != "200" {
			bad += n
		}
	}
	return bad
}
