package migrate

import (
	"strings"
	"testing"
)

// TestHostile are files that would take for ever if they were read naively: the test's own time limit
// notices.
func TestHostile(t *testing.T) {
	const n = 20000
	for name, tt := range map[string]struct {
		tool Tool
		text string
	}{
		"parentheses":       {PM2, "module.exports = " + strings.Repeat("(", n)},
		"closed ones":       {PM2, "module.exports = " + strings.Repeat("(", 900) + "1" + strings.Repeat(")", 900)},
		"arrows":            {PM2, "module.exports = " + strings.Repeat("(a=", 300) + "1" + strings.Repeat(")=>1", 300)},
		"lists":             {PM2, "module.exports = " + strings.Repeat("[", 900) + strings.Repeat("]", 900)},
		"doubling":          {PM2, "const a0 = [1,2];" + doubling(40) + "module.exports = {apps: [{name: 'x', script: 'x', args: a40}]}"},
		"doubling texts":    {PM2, "const a0 = 'aaaaaaaaaa';" + strings.NewReplacer("[...", "", ", ...", " + ", "]", "").Replace(doubling(60)) + "module.exports = {apps: [{name: a60, script: 'x'}]}"},
		"templates":         {PM2, "module.exports = " + strings.Repeat("`${", 300) + "1" + strings.Repeat("}`", 300)},
		"regular":           {PM2, "module.exports = /" + strings.Repeat("a(", n) + "/"},
		"continued lines":   {Supervisord, "[program:x]\ncommand=x\nenvironment=\n" + strings.Repeat(" A=\"1\",\n", n)},
		"sections":          {Supervisord, strings.Repeat("[program:x]\ncommand=x\n", n)},
		"many programs":     {Supervisord, manyPrograms(n / 5)},
		"percents":          {WinSW, "<service><id>a</id><executable>" + strings.Repeat("%A", n) + "</executable></service>"},
		"multiplied":        {WinSW, "<service><id>a</id><executable>x</executable>" + multiplied(20) + "</service>"},
		"elements":          {WinSW, "<service><id>a</id><executable>x</executable>" + strings.Repeat("<b/>", n) + "</service>"},
		"registry strings":  {NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n" + strings.Repeat("\"a\"=\"", n)},
		"registry bytes":    {NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n\"a\"=hex:" + strings.Repeat("00,\\\n", 5*n)},
		"one long argument": {NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n\"Application\"=\"x\"\n\"AppParameters\"=\"" + strings.Repeat(`\\`, n) + "\"\n"},
		"aliases":           {PM2, "a: &a [1,1,1,1,1,1,1,1,1]\n" + aliases(9) + "apps: *i\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "ecosystem.config.js"
			if name == "aliases" {
				file = "ecosystem.yaml"
			}
			fuzzOne(t, tt.tool, file, []byte(tt.text))
		})
	}
}

// TestSmuggled are files that would have a placeholder of ours in the configuration, which would read a
// file or a variable of the machine.
func TestSmuggled(t *testing.T) {
	const key = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters"
	for _, tt := range []struct {
		name, file, text string
		tool             Tool
	}{
		{"json", "a.json", `{"apps": [{"name": "x", "script": "/x", "args": ["\u0000env:A\u0001", "$\u0001{file:/a}"], "env": {"B": "$\u0000{env:A}"}}]}`, PM2},
		{"script", "a.config.js", "module.exports = {apps: [{name: 'x', script: '/x', args: ['\x00env:A\x01', '$\x01{file:/a}', '\\0env:A\\x01', '$\\0{env:A}']}]}", PM2},
		{"yaml", "a.yaml", `{apps: [{name: x, script: /x, args: ["\0env:A\x01", "$\x01{file:/a}"]}]}`, PM2},
		{"servy", "a.json", `{"Name": "x", "ExecutablePath": "C:\\x.exe", "Parameters": "\u0000env:A\u0001 $\u0001{file:/a}"}`, Servy},
		{"ini", "a.conf", "[program:x]\ncommand=/x \x00env:A\x01 $\x01{file:/a}\n", Supervisord},
		{"registry", "a.reg", "REGEDIT4\n[" + key + "]\n\"Application\"=\"C:\\\\x.exe\"\n\"AppParameters\"=hex(2):00,65,6e,76,3a,41,01,20,24,01,7b,66,69,6c,65,3a,61,7d,00\n", NSSM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Read(tt.tool, []File{{Name: tt.file, Data: []byte(tt.text)}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			text, err := r.YAML("")
			if err != nil {
				t.Fatal(err)
			}
			literal := strings.ReplaceAll(string(text), "$${", "")
			for _, bad := range []string{"${env:", "${file:"} {
				if strings.Contains(literal, bad) {
					t.Errorf("%s came in:\n%s", bad, text)
				}
			}
		})
	}
}

func doubling(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		was, is := "a"+number(i-1).Value, "a"+number(i).Value
		b.WriteString("const " + is + " = [..." + was + ", ..." + was + "];\n")
	}
	return b.String()
}

func manyPrograms(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("[program:x" + number(i).Value + "]\ncommand=x\n")
	}
	return b.String()
}

func multiplied(n int) string {
	var b strings.Builder
	b.WriteString(`<env name="A0" value="aaaaaaaaaa"/>`)
	for i := 1; i <= n; i++ {
		was := "%A" + number(i-1).Value + "%"
		b.WriteString(`<env name="A` + number(i).Value + `" value="` + strings.Repeat(was, 10) + `"/>`)
	}
	return b.String()
}

func aliases(n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		is, was := string(rune('a'+i)), string(rune('a'+i-1))
		b.WriteString(is + ": &" + is + " [" + strings.Repeat("*"+was+",", 9) + "*" + was + "]\n")
	}
	return b.String()
}
