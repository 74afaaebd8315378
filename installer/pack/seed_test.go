package pack

import (
	"strings"
	"testing"
)

// packed is the folder of the configurations in TestSeed.
func packed(t *testing.T) *Tree {
	t.Helper()
	tree, err := Harvest(folder(t, map[string]string{
		"node.exe": pe(0x8664), "server.js": "", "bin/Shop.exe": pe(0x8664), "bin/arm.exe": pe(0xaa64), "bin/old.exe": pe(0x14c), "bin/linux": "\x7fELF",
		"run.cmd": "@echo", "public/index.html": "", "lib/worker.js": "", "deep/er/python.exe": pe(0x8664),
	}), target, nil, []string{"bin"})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestSeed(t *testing.T) {
	tree := packed(t)
	app := func(lines ...string) string {
		return "version: 1\napps:\n  shop:\n    " + strings.Join(lines, "\n    ") + "\nroutes:\n  shop: {app: shop}\n"
	}
	const inApp = `directory: '${install_dir}\app'`
	tests := []struct {
		name    string
		yaml    string
		arch    string
		refused []string // parts of the error; none: accepted
		warned  []string // parts of the warnings; none: no warning at all
	}{
		{"Node", app(`command: ['${install_dir}\app\node.exe', server.js]`, inApp), "", nil, nil},
		{"in any case", app(`command: ['${install_dir}\APP\Node.EXE', server.js]`, `directory: '${install_dir}\App'`), "", nil, nil},
		{"with slashes", app(`command: ["${install_dir}/app/node.exe", server.js]`, "directory: ${install_dir}/app"), "", nil, nil},
		{"dots", app(`command: ['${install_dir}\app\lib\..\bin\.\shop.exe']`), "", nil, nil},
		{"without extension", app(`command: ['${install_dir}\app\bin\shop']`), "", nil, nil},
		{"script of commands", app(`command: ['${install_dir}\app\run.cmd']`), "", nil, nil},
		{"32 bits", app(`command: ['${install_dir}\app\bin\old.exe']`), "", nil, nil},
		{"Holdfast itself", app(`command: ['${install_dir}\holdfast.exe', demo-app]`), "", nil, nil},
		{"its own PATH", app(`command: [node, server.js]`, inApp, `env: {PATH: '${install_dir}\app'}`), "", nil, nil},
		{"through an alias", "version: 1\nx-base: &base\n  directory: '${install_dir}\\app'\n  command: ['${install_dir}\\app\\node.exe', server.js]\napps:\n  a: {<<: *base}\n  b: *base\nroutes: {a: {app: a}}\n", "", nil, nil},
		{"through a merge", "version: 1\nx-base: &base\n  command: [./node.exe]\napps:\n  a:\n    <<: *base\n", "", []string{"command: ./node.exe would be looked for"}, nil},
		{"over a merge", "version: 1\nx-base: &base\n  command: [./node.exe]\napps:\n  a:\n    <<: *base\n    command: ['${install_dir}\\app\\node.exe']\nroutes: {a: {app: a}}\n", "", nil, nil},
		{"files of a folder", app(`command: ['${install_dir}\app\bin\shop.exe']`) + "  s:\n    match: {path_prefix: /s}\n    file_server: {root: '${install_dir}\\app\\public'}\n", "", nil, nil},
		{"an argument that is no file", app(`command: ['${install_dir}\app\bin\shop.exe', serve, --port, "${port}"]`), "", nil, nil},
		{"a variable of the machine", app(`command: ['${env:JAVA_HOME}\bin\java.exe', -jar, '${install_dir}\app\server.js']`), "", nil, nil},

		{"not YAML", "version: 1\napps: [", "", []string{"HF104"}, nil},
		{"unknown key", app(`command: ['${install_dir}\app\node.exe']`, "periodSeconds: 10"), "", []string{"HF204", "holdfast.yaml:5"}, nil},
		{"a bad value elsewhere", app(`command: ['${install_dir}\app\node.exe']`, "port: 99999"), "", []string{"holdfast.yaml:5"}, nil},

		{"relative program", app(`command: ['.\node.exe']`), "", []string{`holdfast.yaml:4:15: command: .\node.exe would be looked for in the folder of the configuration, %ProgramData%\Shop; write '${install_dir}\app\node.exe'`}, nil},
		{"relative program that is nowhere", app(`command: ['bin\x.exe']`), "", []string{"%ProgramData%", "put the program into the folder"}, nil},
		{"a drive's own folder", app(`command: ['C:node.exe']`), "", []string{"%ProgramData%"}, nil},
		{"program of Linux", app(`command: [/usr/bin/node, server.js]`, inApp), "", []string{`/usr/bin/node is no path of Windows; write '${install_dir}\app\node.exe'`}, nil},
		{"bare name of what is packed", app(`command: [node, server.js]`, inApp), "", []string{`node is looked up in PATH, not in the packed folder; write '${install_dir}\app\node.exe'`}, nil},
		{"bare name of what is nowhere", app(`command: [java, -jar]`), "", nil, []string{"java is not in the package; the service will look it up in PATH"}},
		{"bare name of what is deep", app(`command: [python]`), "", nil, []string{"python is not in the package", `write '${install_dir}\app\deep\er\python.exe'`}},
		{"program that is not there", app(`command: ['${install_dir}\app\shop.exe']`), "", []string{`there is no file shop.exe in the packed folder; write '${install_dir}\app\bin\Shop.exe'`}, nil},
		{"beside the folder", app(`command: ['${install_dir}\node.exe']`), "", []string{`the packed folder is below ${install_dir}\app`, `write '${install_dir}\app\node.exe'`}, nil},
		{"without a separator", app(`command: ['${install_dir}app\node.exe']`), "", []string{`the packed folder is below ${install_dir}\app`, `write '${install_dir}\app\node.exe'`}, nil},
		{"directory beside the folder", app(`command: ['${install_dir}\app\node.exe']`, `directory: '${install_dir}\lib'`), "", []string{`directory: the packed folder is ${install_dir}\app`, `write '${install_dir}\app\lib'`}, nil},
		{"out of the folder", app(`command: ['${install_dir}\app\..\node.exe']`), "", []string{"the packed folder is below"}, nil},
		{"a folder", app(`command: ['${install_dir}\app\bin']`), "", []string{"bin is a folder; write the path of a program in it"}, nil},
		{"no program", app(`command: ['${install_dir}\app\server.js']`), "", []string{"server.js is no program that Windows starts", "interpreter"}, nil},
		{"program that is nowhere", app(`command: ['${install_dir}\app\bin\python.exe']`), "", []string{`there is no file bin/python.exe in the packed folder; write '${install_dir}\app\deep\er\python.exe'`}, nil},
		{"program that was forgotten", app(`command: ['${install_dir}\app\ruby.exe', server.rb]`), "", []string{"there is no file ruby.exe in the packed folder; put it there, or correct the path"}, nil},
		{"for Linux", app(`command: ['${install_dir}\app\bin\linux']`), "", []string{"bin/linux was built for Linux", "GOARCH=amd64"}, nil},
		{"for arm64", app(`command: ['${install_dir}\app\bin\arm.exe']`), "", []string{"built for arm64; the package is for amd64; pack with --arch arm64"}, nil},
		{"arm64 for arm64", app(`command: ['${install_dir}\app\bin\arm.exe']`), "arm64", nil, nil},
		{"amd64 for arm64", app(`command: ['${install_dir}\app\bin\shop.exe']`), "arm64", nil, []string{"by emulation only"}},
		{"elsewhere", app(`command: ['C:\Program Files\nodejs\node.exe']`, `directory: 'D:\shop'`), "", nil, []string{`nodejs\node.exe is not in the package`, `D:\shop is not in the package`}},

		{"relative directory", app(`command: ['${install_dir}\app\node.exe']`, "directory: lib"), "", []string{`directory: lib would be looked for in the folder of the configuration`, `write '${install_dir}\app\lib'`}, nil},
		{"this directory", app(`command: ['${install_dir}\app\node.exe']`, "directory: ."), "", []string{`write '${install_dir}\app'`}, nil},
		{"directory of Linux", app(`command: ['${install_dir}\app\node.exe']`, "directory: /srv/shop"), "", []string{"/srv/shop is no path of Windows"}, nil},
		{"directory that is not there", app(`command: ['${install_dir}\app\node.exe']`, `directory: '${install_dir}\app\src'`), "", []string{"there is no folder src"}, nil},
		{"directory that is a file", app(`command: ['${install_dir}\app\node.exe']`, `directory: '${install_dir}\app\bin\Shop.exe'`), "", []string{`it is a file: write '${install_dir}\app\bin'`}, nil},
		{"script without a directory", app(`command: ['${install_dir}\app\node.exe', server.js]`), "", []string{`server.js is a file of the packed folder, but the program starts in %ProgramData%\Shop; add directory: '${install_dir}\app'`}, nil},
		{"script in another directory", app(`command: ['${install_dir}\app\node.exe', server.js]`, `directory: '${install_dir}\app\lib'`), "", nil, []string{"server.js is in the packed folder, but not in directory"}},
		{"script that is not there", app(`command: ['${install_dir}\app\node.exe', '--conf=${install_dir}\app\none.js']`), "", nil, []string{"there is no none.js in the packed folder"}},
		{"relative root", app(`command: ['${install_dir}\app\node.exe']`) + "  s:\n    match: {path_prefix: /s}\n    file_server: {root: public}\n", "", []string{"root: public would be looked for", `write '${install_dir}\app\public'`}, nil},
		{"root that is not there", app(`command: ['${install_dir}\app\node.exe']`) + "  s:\n    match: {path_prefix: /s}\n    file_server: {root: '${install_dir}\\app\\static'}\n", "", []string{"there is no folder static"}, nil},
		{"all at once", app(`command: [node, server.js]`, "directory: lib"), "", []string{"directory: lib", "command: node"}, nil},

		{"no route", "version: 1\napps:\n  shop:\n    command: ['${install_dir}\\app\\node.exe']\n", "", nil, []string{"holdfast.yaml:3:3: there is no route", "add routes: {shop: {app: shop}}"}},
		{"no route and no port", "version: 1\napps:\n  shop:\n    command: ['${install_dir}\\app\\node.exe']\n    port: none\n", "", nil, nil},
		{"no app", "version: 1\n", "", nil, []string{"no app is configured"}},
		{"listeners", app(`command: ['${install_dir}\app\node.exe']`) + "listeners:\n  web: {address: \":9000\"}\n", "", nil, []string{"HF_PORT of the installation change nothing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			arch := tt.arch
			if arch == "" {
				arch = "x64"
			}
			s := &seed{findings: findings{file: "holdfast.yaml"}, tree: tree, name: "Shop", arch: arch}
			err := s.check([]byte(tt.yaml))
			if (err != nil) != (len(tt.refused) > 0) {
				t.Fatalf("check: %v; warnings %q", err, s.warnings)
			}
			for _, want := range tt.refused {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
			warnings := strings.Join(s.warnings, "\n")
			if err == nil && (warnings != "") != (len(tt.warned) > 0) {
				t.Errorf("warnings %q", warnings)
			}
			for _, want := range tt.warned {
				if !strings.Contains(warnings, want) {
					t.Errorf("no %q in %q", want, warnings)
				}
			}
		})
	}
}

func TestPlaceOf(t *testing.T) {
	for _, tt := range []struct {
		text  string
		where place
		rel   string
	}{
		{`${install_dir}`, placeInstall, ""},
		{`${install_dir}\app`, placeApp, "."},
		{`${install_dir}\app\`, placeApp, "."},
		{`${install_dir}/App//x/./y`, placeApp, "x/y"},
		{`${install_dir}\application\x`, placeInstall, "application/x"},
		{`${install_dir}\app\..\..\x`, placeOutside, ""},
		{`${install_dir}app\x`, placeInstall, `app\x`},
		{`${env:X}\y`, placeUnknown, ""},
		{`C:\x`, placeOutside, ""},
		{`c:/x`, placeOutside, ""},
		{`\\server\share\x`, placeOutside, ""},
		{`\x`, placeRelative, ""},
		{`C:x`, placeRelative, ""},
		{`.\x`, placeRelative, ""},
		{`../x`, placeRelative, ""},
		{`/x`, placeForeign, ""},
		{`x`, placeName, ""},
		{``, placeName, ""},
	} {
		if where, rel := placeOf(tt.text); where != tt.where || rel != tt.rel {
			t.Errorf("placeOf(%q) = %d, %q; want %d, %q", tt.text, where, rel, tt.where, tt.rel)
		}
	}
}

func FuzzSeed(f *testing.F) {
	f.Add("version: 1\napps:\n  a: {command: ['${install_dir}\\app\\node.exe']}\n")
	f.Add("version: 1\nx: &a\n  apps: *a\n")
	f.Add("version: 1\napps: &a\n  <<: *a\n")
	tree := &Tree{Files: []File{{Path: "node.exe", Machine: machineX64}}, byPath: map[string]string{"node.exe": "node.exe"}, folders: map[string]bool{}}
	f.Fuzz(func(t *testing.T, text string) {
		s := &seed{findings: findings{file: "x.yaml"}, tree: tree, name: "Shop", arch: "x64"}
		_ = s.check([]byte(text)) // it ends, and without a panic
		where, rel := placeOf(text)
		if where == placeApp && (strings.Contains("/"+rel+"/", "/../") || strings.HasPrefix(rel, "/")) {
			t.Errorf("placeOf(%q) leaves the folder: %q", text, rel)
		}
	})
}
