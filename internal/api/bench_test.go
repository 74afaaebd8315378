package api

import "testing"

// BenchmarkNew is part of the time from start to ready.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	opts := newFakes().options()
	for b.Loop() {
		New(opts)
	}
}
