package process

import "testing"

func TestSizeText(t *testing.T) {
	for n, want := range map[uint64]string{0: "0B", 1: "1B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 512 << 20: "512MiB", 3 << 29: "1536MiB", 5 << 40: "5TiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCPULimit(t *testing.T) {
	for _, tt := range []struct {
		name       string
		cores      float64
		processors int
		max        string
		rate       uint32
	}{
		{"a hundredth", 0.01, 64, "1000 100000", 2},
		{"less than a period holds", 0.005, 4, "5000 1000000", 13},
		{"next to nothing", 0.0001, 64, "1000 1000000", 1},
		{"half", 0.5, 1, "50000 100000", 5000},
		{"one and a half of four", 1.5, 4, "150000 100000", 3750},
		{"a third", 1.0 / 3, 3, "33333 100000", 1111},
		{"all", 4, 4, "400000 100000", 0},
		{"more than all", 4096, 4, "409600000 100000", 0},
		{"processors unknown", 0.5, 0, "50000 100000", 5000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := cpuMax(tt.cores); got != tt.max {
				t.Errorf("cpu.max %q, want %q", got, tt.max)
			}
			if got := cpuRate(tt.cores, tt.processors); got != tt.rate {
				t.Errorf("rate %d, want %d", got, tt.rate)
			}
		})
	}
}
