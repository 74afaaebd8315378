package main

import (
	"strings"
	"testing"

	"holdfast/internal/doctor"
)

func TestDoctorReport(t *testing.T) {
	full := doctor.Report{Failures: 1, Warnings: 2, Unseen: 1, Findings: []doctor.Finding{
		{Check: "configuration", Level: doctor.OK, Found: "/etc/holdfast/holdfast.yaml has no problems (1 app, 2 instances, 1 route)"},
		{Check: "running", Level: doctor.Warn, Found: "Holdfast does not run: the service is stopped", Fix: "sudo holdfast service start"},
		{Check: "running", Level: doctor.Fail, Found: "app \"shop\" is down: \x1b]0;owned\x07 exit code 3", Fix: "holdfast status shop"},
		{Check: "ports", Level: doctor.Fail, Found: `listener "web": port 80 is held by nginx (process 812)`, Fix: "kill 812 or change listeners.web.address"},
		{Check: "certificates", Level: doctor.Unseen, Found: `certificate "shop": /etc/shop.pem: permission denied`, Fix: "sudo holdfast doctor"},
	}}
	for name, tt := range map[string]struct {
		r     doctor.Report
		color bool
	}{
		"doctor.txt":       {full, false},
		"doctor_color.txt": {full, true},
		"doctor_good.txt":  {doctor.Report{OK: true, Findings: full.Findings[:1]}, false},
	} {
		var b strings.Builder
		if err := writeReport(&b, style{color: tt.color}, tt.r); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

func TestDoctorHelp(t *testing.T) {
	code, stdout, stderr := runCLI("doctor", "--help")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	golden(t, "doctor_help.txt", stdout)
}
