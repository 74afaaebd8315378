package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// commandLine are the arguments as Windows hands them over.
func commandLine(verb string, given map[string]string) []string {
	args := []string{verb}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		args = append(args, "--"+name, given[name])
	}
	return args
}

func TestParseArguments(t *testing.T) {
	verb, given, err := parseArguments(commandLine("apply", arguments()))
	if d := cmp.Diff(arguments(), given); d != "" || verb != "apply" || err != nil {
		t.Errorf("%s, %v (-want +got):\n%s", verb, err, d)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing":                      {nil, "say which action"},
		"unknown":                      {[]string{"apply", "--nome", "x"}, `"--nome" is no argument`},
		"no flag":                      {[]string{"apply", "name"}, `"name" is no argument`},
		"twice":                        {[]string{"apply", "--data", "x", "--data", "y"}, "--data is given twice"},
		"no value":                     {[]string{"apply", "--name", "x", "--data"}, "--data has no value"},
		"value and flag in one":        {[]string{"apply", "--name=x"}, "is no argument"},
		"quotation mark":               {[]string{"apply", "--port", `80" --data "C:\x`}, "--port: the value has a quotation mark"},
		"backslash before a quotation": {[]string{"apply", "--config", `C:\x" --purge`, "1"}, "quotation mark"},
		"new line":                     {[]string{"apply", "--name", "a\nb"}, "control character"},
		"zero":                         {[]string{"apply", "--name", "a\x00b"}, "control character"},
		"no text":                      {[]string{"apply", "--name", "a\xffb"}, "no text"},
		"half a character":             {[]string{"apply", "--name", "a\uFFFDb"}, "no text"},
		"endless":                      {[]string{"apply", "--name", strings.Repeat("x", valueMax+1)}, "longer than"},
	} {
		if _, _, err := parseArguments(tt.args); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestNewRequest(t *testing.T) {
	r, problems := newRequest(arguments())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if r.id.Name != "Shop" || r.data != dataDir || r.install != installDir || r.program() != installDir+`\holdfast.exe` || r.account != `NT AUTHORITY\LocalService` ||
		r.open || r.startType != "auto" || r.timeout != time.Minute || r.purge || r.kind != kindInstall || r.key() != "install-1.3.0" {
		t.Errorf("%+v", r)
	}
	for name, tt := range map[string]struct {
		arg, value, want string // want "": it is right
	}{
		"name":                         {argName, "Shop-2", ""},
		"name of another folder":       {argName, `..\..\x`, "begin with a letter"},
		"no name":                      {argName, "", "name"},
		"no upgrade code":              {argProduct, "", "the product's upgrade code"},
		"upgrade code that is none":    {argProduct, "Shop", "the product's upgrade code"},
		"name of a device":             {argName, "NUL", "keeps this name"},
		"endless display name":         {argDisplay, strings.Repeat("x", 65), "characters"},
		"version that is a path":       {argProductVersion, `1.2\..\x`, "the product's version"},
		"version that goes up":         {argProductVersion, `1..2`, "the product's version"},
		"no version":                   {argVersion, "", "the program's version"},
		"data: other drive":            {argData, `D:\Shop\.`, ""},
		"data: without the dot":        {argData, `D:\Shop\`, ""},
		"data: share":                  {argData, `\\server\share\.`, "DATADIR"},
		"data: device":                 {argData, `\\.\C:\x\.`, "DATADIR"},
		"data: long path prefix":       {argData, `\\?\C:\x\.`, "DATADIR"},
		"data: goes up":                {argData, `C:\x\..\Windows\.`, "DATADIR"},
		"data: drive":                  {argData, `C:\.`, "DATADIR"},
		"data: stream":                 {argData, `C:\x:y\.`, "DATADIR"},
		"data: device name":            {argData, `C:\x\con\.`, "DATADIR"},
		"data: blank at the end":       {argData, `C:\x \.`, "DATADIR"},
		"data: overlong":               {argData, `C:\` + strings.Repeat("x", 300) + `\.`, "DATADIR"},
		"data: relative":               {argData, `x\.`, "DATADIR"},
		"data: none":                   {argData, `.`, "DATADIR"},
		"data: slashes":                {argData, `C:/x/.`, "DATADIR"},
		"install: goes up":             {argInstall, `C:\Program Files\..\x\.`, "INSTALLDIR"},
		"account":                      {argAccount, `nt service\shop`, ""},
		"account: gMSA":                {argAccount, `CORP\web$`, ""},
		"account: of another service":  {argAccount, `NT SERVICE\Other`, "HF_ACCOUNT"},
		"account: system":              {argAccount, "LocalSystem", "HF_ACCOUNT"},
		"account: person":              {argAccount, `CORP\ann`, "HF_ACCOUNT"},
		"account: none":                {argAccount, "", ""},
		"address":                      {argAddress, "192.0.2.1", ""},
		"address: IPv6":                {argAddress, "::1", ""},
		"address: none":                {argAddress, "", ""},
		"address: name":                {argAddress, "localhost", "HF_ADDRESS"},
		"address: with a port":         {argAddress, "127.0.0.1:80", "HF_ADDRESS"},
		"address: number":              {argAddress, "2130706433", "HF_ADDRESS"},
		"address: leading zeros":       {argAddress, "127.0.0.01", "HF_ADDRESS"},
		"port: lowest":                 {argPort, "1", ""},
		"port: highest":                {argPort, "65535", ""},
		"port: zero":                   {argPort, "0", "HF_PORT"},
		"port: too high":               {argPort, "65536", "HF_PORT"},
		"port: sign":                   {argPort, "+80", "HF_PORT"},
		"port: zeros before":           {argPort, "080", "HF_PORT"},
		"port: hexadecimal":            {argPort, "0x50", "HF_PORT"},
		"port: blank":                  {argPort, "80 ", "HF_PORT"},
		"port: beyond any number":      {argPort, strings.Repeat("9", 40), "HF_PORT"},
		"firewall: upper case":         {argFirewall, "YES", ""},
		"firewall: word":               {argFirewall, "on", "HF_FIREWALL"},
		"start: upper case":            {argStart, "Delayed", ""},
		"start: disabled":              {argStart, "disabled", "HF_STARTTYPE"},
		"time-out: shortest":           {argTimeout, "5", ""},
		"time-out: too short":          {argTimeout, "4", "HF_HEALTHTIMEOUT"},
		"time-out: too long":           {argTimeout, "601", "HF_HEALTHTIMEOUT"},
		"time-out: wraps around":       {argTimeout, "18446744074", "HF_HEALTHTIMEOUT"},
		"time-out: unit":               {argTimeout, "60s", "HF_HEALTHTIMEOUT"},
		"purge: word":                  {argPurge, "please", "HF_PURGE"},
		"config: file":                 {argConfig, `D:\deploy\shop.yaml`, ""},
		"config: share":                {argConfig, `\\server\deploy\shop.yaml`, ""},
		"config: relative":             {argConfig, `shop.yaml`, `HF_CONFIG: "shop.yaml": write the full path of a file`},
		"config: device":               {argConfig, `\\.\pipe\x`, "HF_CONFIG"},
		"config: long path prefix":     {argConfig, `\\?\C:\x`, "HF_CONFIG"},
		"config: kernel's name":        {argConfig, `\??\C:\x`, "HF_CONFIG"},
		"config: share without a file": {argConfig, `\\server\share`, "HF_CONFIG"},
		"config: folder":               {argConfig, `C:\x\`, "HF_CONFIG"},
		"config: stream":               {argConfig, `C:\x.yaml:secret`, "HF_CONFIG"},
		"config: goes up":              {argConfig, `\\server\share\..\x`, "HF_CONFIG"},
		"config: URL":                  {argConfig, `http://host/x`, `or \\server\share\holdfast.yaml`},
	} {
		given := arguments()
		given[tt.arg] = tt.value
		_, problems := newRequest(given)
		switch {
		case tt.want == "" && len(problems) > 0:
			t.Errorf("%s %q: %v", name, tt.value, problems)
		case tt.want != "" && (len(problems) == 0 || !strings.Contains(joined(problems).Error(), tt.want)):
			t.Errorf("%s %q: got %v, want %q", name, tt.value, problems, tt.want)
		}
	}
	// Everything that is wrong is told at once.
	given := arguments()
	given[argPort], given[argAccount], given[argData] = "0", "root", "x"
	if _, problems := newRequest(given); len(problems) != 3 {
		t.Errorf("got %v, want three problems", problems)
	}
}

func TestKinds(t *testing.T) {
	for name, tt := range map[string]struct {
		change map[string]string
		key    string
	}{
		"install":           {nil, "install-1.3.0"},
		"repair":            {map[string]string{argInstalled: "00:00:00"}, "install-1.3.0"},
		"removal":           {map[string]string{argInstalled: "00:00:00", argRemove: "ALL"}, "remove-1.3.0"},
		"removal in a file": {map[string]string{argRemove: "all"}, "remove-1.3.0"},
	} {
		given := arguments()
		maps.Copy(given, tt.change)
		if r, problems := newRequest(given); r.key() != tt.key || len(problems) > 0 {
			t.Errorf("%s: got %s, %v, want %s", name, r.key(), problems, tt.key)
		}
	}
}

// What passes can only be used as it is meant: as one argument, one path, one file's name.
func FuzzNewRequest(f *testing.F) {
	f.Add("Shop", dataDir+`\.`, installDir+`\.`, `C:\x.yaml`, "1.3.0", "8080", "::1")
	f.Add("con", `\\?\C:\x`, `C:\..\x`, `\\.\x\y`, "..", "-1", "[::1]")
	f.Fuzz(func(t *testing.T, name, data, install, config, version, port, address string) {
		given := arguments()
		given[argName], given[argData], given[argInstall], given[argConfig] = name, data, install, config
		given[argProductVersion], given[argPort], given[argAddress] = version, port, address
		verb, parsed, err := parseArguments(commandLine("apply", given))
		if err != nil {
			return
		}
		if d := cmp.Diff(given, parsed); d != "" || verb != "apply" {
			t.Fatalf("(-want +got):\n%s", d)
		}
		r, problems := newRequest(parsed)
		if len(problems) > 0 {
			return
		}
		for _, path := range []string{r.data, r.install, r.config, r.homeless()} {
			for part := range strings.SplitSeq(path, `\`) {
				if part == ".." || strings.ContainsAny(part, `/"<>|*?`+"\x00\n") {
					t.Errorf("%q was taken: %q", path, part)
				}
			}
		}
		if strings.ContainsAny(r.key(), `\/:`) {
			t.Errorf("key %q", r.key())
		}
	})
}

// homeless is the path of a transaction's file.
func (r request) homeless() string { return (&setup{request: r}).homeIn(r.data).file }
